#include "launcher/program.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

using namespace slipway;
using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace {

ProgramCall shell(std::string script)
{
    return {.argv = {"/bin/sh", "-c", std::move(script)}, .environment = {}, .input = {}, .deadline = 30s};
}

} // namespace

TEST_CASE("a program gets its input, its environment and no terminal, and its end is told")
{
    ::setenv("SLIPWAY_TEST_SECRET", "must-not-be-seen", 1);
    auto call
        = shell("cat; echo \"-$GIVEN$SLIPWAY_TEST_SECRET-\"; (: </dev/tty) || echo no terminal; exit 3");
    call.environment = {{"GIVEN", "yes"}};
    call.input = "hello";
    const auto ended = run_program(call, {});
    ::unsetenv("SLIPWAY_TEST_SECRET");
    REQUIRE(ended);
    CHECK(ended->code == 3);
    CHECK(ended->output == "hello-yes-\nno terminal\n");
    CHECK_FALSE(ended->errors.empty());
}

TEST_CASE("a program that is missing, hangs, writes too much or is stopped is ended")
{
    CHECK(
        run_program({.argv = {"slipway-no-such-program"}, .environment = {}, .input = {}, .deadline = 1s}, {})
            .error()
            .code()
        == Errc::not_found);
    auto hangs = shell("cat; sleep 1000");
    hangs.deadline = 100ms;
    CHECK(run_program(hangs, {}).error().code() == Errc::timed_out);
    auto floods = shell("while :; do echo 0123456789; done");
    floods.max_output = 1000;
    CHECK(run_program(floods, {}).error().code() == Errc::exhausted);
    std::stop_source stop;
    const std::jthread stops{[&stop] { stop.request_stop(); }};
    CHECK(run_program(shell("sleep 1000"), stop.get_token()).error().code() == Errc::cancelled);
    const auto killed = run_program(shell("kill -9 $$"), {});
    REQUIRE(killed);
    CHECK(killed->code == 137);
}

TEST_CASE("a program's children end with it, and do not hold its caller up")
{
    const test::TempDir directory;
    const auto file = (directory.path() / "pid").string();
    const auto ended = run_program(shell("sleep 1000 & echo $! >" + file + "; echo out"), {});
    REQUIRE(ended);
    CHECK(ended->output == "out\n");
    pid_t child = 0;
    std::ifstream{file} >> child;
    REQUIRE(child > 0);
    // Killed before `run_program` returned; its new parent reaps it.
    while (::kill(child, 0) == 0)
        std::this_thread::yield();
    CHECK(errno == ESRCH);
}

TEST_CASE("input that a program does not read is no failure, however much of it there is")
{
    const std::string much(1'000'000, 'x');
    auto call = shell("exit 0");
    call.input = much;
    const auto ended = run_program(call, {});
    REQUIRE(ended);
    CHECK(ended->code == 0);
    auto counts = shell("wc -c");
    counts.input = much;
    CHECK(std::stoi(run_program(counts, {})->output) == 1'000'000);
}
