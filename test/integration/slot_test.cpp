#include "test/hostile/slot_fixture.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <chrono>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

TEST_CASE("a slot runs commands one after another and tells their ends")
{
    SlotFixture fixture;
    fixture.create();
    const RunEnd hello = fixture.shell("echo hello; echo to stderr >&2; exit 3");
    CHECK(hello.output == "hello\nto stderr\n");
    CHECK(hello.exit.kind == slot::ExitKind::exited);
    CHECK(hello.exit.code == 3);
    CHECK(hello.exit.cause == slot::StopCause::none);
    const RunEnd killed = fixture.shell("kill -9 $$");
    CHECK(killed.exit.kind == slot::ExitKind::signalled);
    CHECK(killed.exit.code == SIGKILL);
    CHECK(fixture.shell("cat; awk '/core/ {print $5, $6}' /proc/self/limits; cat /proc/self/oom_score_adj")
              .output
        == "1 1\n500\n");
}

TEST_CASE("a command that cannot be executed ends with 125, 126 or 127 and with words")
{
    SlotFixture fixture;
    fixture.create();
    slot::RunSpec spec{.argv = {"no-such-program"}, .env = {"PATH=/bin"}, .cwd = "", .user = ""};
    const RunEnd missing = fixture.run(spec);
    CHECK(missing.exit.code == 127);
    CHECK(missing.exit.never_executed);
    CHECK(missing.output.find("no-such-program: command not found in PATH") != std::string::npos);
    spec.argv = {"/etc/passwd"};
    const RunEnd denied = fixture.run(spec);
    CHECK(denied.exit.code == 126);
    CHECK(denied.exit.never_executed);
    CHECK(denied.output.find("/etc/passwd: cannot execute: Permission denied") != std::string::npos);
    spec.user = "nobody-knows";
    const RunEnd nobody = fixture.run(spec);
    CHECK(nobody.exit.code == 125);
    CHECK(nobody.exit.never_executed);
    CHECK(nobody.output.find("nobody-knows: no such user") != std::string::npos);
    const RunEnd shell = fixture.shell("exit 127");
    CHECK(shell.exit.code == 127);
    CHECK_FALSE(shell.exit.never_executed);
}

TEST_CASE("a slot says that a command was executed, to each launcher that asked, and of none that was not")
{
    SlotFixture fixture;
    fixture.create();
    slot::RunSpec spec{
        .argv = {"sleep", "1000"}, .env = {"PATH=/bin"}, .cwd = "", .user = "", .tell_executed = true};
    fixture.start(spec);
    CHECK(fixture.wait_for<slot::Executed>().seq == 1);
    fixture.restart_launcher(0);
    CHECK(fixture.wait_for<slot::Executed>().seq == 1);
    must(fixture.slot().link().stop(0ms));
    CHECK(fixture.finish().exit.code == SIGINT);
    spec.argv = {"no-such-program"};
    const RunEnd missing = fixture.run(spec);
    CHECK(missing.exit.never_executed);
    CHECK_FALSE(missing.told_executed);
    CHECK_FALSE(fixture.shell("sleep 0.1").told_executed);
}

TEST_CASE("a run has the user, groups, home and directory that a Dockerfile's USER means")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell("echo 'foo:x:1983:50:x:/home/foo:/bin/sh' >> /etc/passwd;"
                  "printf 'base:x:50:\\nextra:x:60:bar,foo\\nother:x:70:food\\n' > /etc/group");
    const std::string show = "echo $(id -u):$(id -g):$(id -G | tr ' ' ,):$HOME";
    CHECK(fixture.shell(show, "foo").output == "1983:50:50,60:/home/foo\n");
    CHECK(fixture.shell(show, "1983").output == "1983:50:50,60:/home/foo\n");
    CHECK(fixture.shell(show, "foo:other").output == "1983:70:70:/home/foo\n");
    CHECK(fixture.shell(show, "4711:4712").output == "4711:4712:4712:/\n");
    CHECK(fixture.shell(show, "").output.starts_with("0:0:"));
    // As the engine has it: a process's own group is one of its groups, too.
    const std::string groups
        = "while read -r key all; do [ $key != Groups: ] || echo $all; done </proc/self/status";
    CHECK(fixture.shell(groups, "foo").output == "50 60\n");
    CHECK(fixture.shell(groups, "foo:other").output == "70\n");
    CHECK(fixture.shell(groups, "4711:4712").output == "4712\n");
    CHECK(fixture.shell(groups, "4711").output == "0\n");
    CHECK(fixture.shell(groups, "").output == "0\n");
    slot::RunSpec spec{.argv = {"pwd"}, .env = {"PATH=/nowhere:/bin"}, .cwd = "/made/deep", .user = ""};
    CHECK(fixture.run(spec).output == "/made/deep\n");
}

TEST_CASE("environment and arguments of a run do not show in docker inspect")
{
    SlotFixture fixture;
    fixture.create();
    auto spec = SlotFixture::script("echo $TOKEN");
    spec.env.push_back("TOKEN=do-not-show-me");
    CHECK(fixture.run(spec).output == "do-not-show-me\n");
    CHECK(
        run_host("docker inspect " + fixture.slot().container()).find("do-not-show-me") == std::string::npos);
}

TEST_CASE("a working directory behind a link of the job is entered, and none is made there")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell(
        "mkdir -p /job/project /job/other; ln -s project /job/link; ln -s /etc /job/etc; chown -R 1983 /job");
    auto spec = SlotFixture::script("pwd -P", "1983");
    spec.cwd = "/job/link";
    CHECK(fixture.run(spec).output == "/job/project\n");
    spec.cwd = "/job/etc/made";
    CHECK(fixture.run(spec).exit.code == 125);
    CHECK(fixture.shell("ls /etc/made").exit.code != 0);
}

TEST_CASE("a job's own list of users that never ends or blocks holds up nothing")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell("rm -f /etc/passwd /etc/group; mkfifo /etc/passwd; ln -s /dev/zero /etc/group");
    // Built into the shell: id(1) itself would open the list of users.
    const std::string own_uid
        = "while read -r key uid rest; do [ $key != Uid: ] || echo $uid; done </proc/self/status";
    CHECK(fixture.shell(own_uid, "1983").output == "1983\n");
}

TEST_CASE("a warm slot answers at once")
{
    SlotFixture fixture;
    const auto cold_begin = std::chrono::steady_clock::now();
    fixture.create();
    fixture.start(SlotFixture::script("echo x"));
    fixture.wait_output("x\n");
    const auto cold = std::chrono::steady_clock::now() - cold_begin;
    fixture.finish();
    std::vector<std::chrono::nanoseconds> warm;
    for (int i = 0; i < 50; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        fixture.start({.argv = {"/bin/echo", "x"}, .env = {}, .cwd = "/", .user = ""});
        fixture.wait_output("x\n");
        warm.push_back(std::chrono::steady_clock::now() - begin);
        fixture.finish();
    }
    std::sort(warm.begin(), warm.end());
    const auto us
        = [](auto time) { return std::chrono::duration_cast<std::chrono::microseconds>(time).count(); };
    std::printf("cold create to first byte %ld us; run frame to first byte: median %ld us, p90 %ld us\n",
        us(cold), us(warm[25]), us(warm[45]));
    CHECK(warm[25] < 50ms);
}
