#include "common/file.h"
#include "test/hostile/slot_fixture.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <chrono>
#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

TEST_CASE("stop interrupts first and kills what does not heed it")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(
        SlotFixture::script("trap 'echo saved; exit 4' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    must(fixture.slot().link().stop(10s));
    const RunEnd polite = fixture.finish();
    CHECK(polite.output.find("saved") != std::string::npos);
    CHECK(polite.exit.code == 4);
    CHECK(polite.exit.cause == slot::StopCause::stopped);
    fixture.start(SlotFixture::script("trap '' INT TERM; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    must(fixture.slot().link().stop(100ms));
    const RunEnd stubborn = fixture.finish();
    CHECK(stubborn.exit.kind == slot::ExitKind::signalled);
    CHECK(stubborn.exit.code == SIGKILL);
}

TEST_CASE("a stage that reads ends with its lease while the launcher is away, one that writes does not")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(SlotFixture::script("trap '' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    must(fixture.slot().link().lease(1s));
    fixture.leave();
    const auto begin = std::chrono::steady_clock::now();
    while (fixture.processes().find("sh -c") != std::string::npos)
        REQUIRE(std::chrono::steady_clock::now() - begin < 10s);
    fixture.come_back(fixture.have);
    const RunEnd ended = fixture.finish();
    CHECK(ended.exit.cause == slot::StopCause::lease);
    CHECK(ended.exit.kind == slot::ExitKind::signalled);
    // Nothing starts on a lease that is over.
    const RunEnd late = fixture.shell("echo started");
    CHECK(late.exit.code == 125);
    CHECK(late.exit.cause == slot::StopCause::lease);
    CHECK(late.output.empty());
    must(fixture.slot().link().lease(slot::kNoLease));
    CHECK(fixture.shell("echo done").output == "done\n");
}

TEST_CASE("a lease ends at its time also for a slot that was frozen when it came")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(SlotFixture::script("trap '' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    run_host("docker pause " + fixture.container());
    // Waits in the socket, over before it is read.
    must(fixture.slot().link().lease(10ms));
    const auto sent = std::chrono::steady_clock::now();
    run_host("docker unpause " + fixture.container());
    const RunEnd ended = fixture.finish();
    CHECK(std::chrono::steady_clock::now() - sent < 10s);
    CHECK(ended.exit.cause == slot::StopCause::lease);
    // As for one that would still run if it counted from its receipt.
    run_host("docker pause " + fixture.container());
    must(fixture.slot().link().lease(200ms));
    const auto late = std::chrono::steady_clock::now() + 200ms;
    must(fixture.slot().link().run(2, SlotFixture::script("echo started")));
    while (std::chrono::steady_clock::now() < late)
        REQUIRE_FALSE(must(fixture.slot().link().next_event(10ms, {})));
    run_host("docker unpause " + fixture.container());
    const auto refused = fixture.wait_for<slot::Exited>();
    CHECK(refused.code == 125);
    CHECK(refused.cause == slot::StopCause::lease);
    CHECK(fixture.collected.empty());
}

TEST_CASE("what a read stage left behind ends with its lease while the launcher is away")
{
    SlotFixture fixture;
    fixture.create();
    CHECK(fixture.shell("setsid sleep 1000 >/dev/null 2>&1 &").exit.code == 0);
    REQUIRE(fixture.processes().find("sleep 1000") != std::string::npos);
    must(fixture.slot().link().lease(1s));
    fixture.leave();
    const auto begin = std::chrono::steady_clock::now();
    while (fixture.processes().find("sleep 1000") != std::string::npos)
        REQUIRE(std::chrono::steady_clock::now() - begin < 10s);
}

TEST_CASE("a slot whose launcher is away waits without working")
{
    SlotFixture fixture;
    fixture.create();
    fixture.leave();
    const auto cpu = [&] {
        // Fields 14 and 15 of proc(5)'s stat, in hundredths of a second.
        return std::stoi(run_host("awk '{print $14 + $15}' /proc/$(docker inspect -f '{{.State.Pid}}' "
            + fixture.container() + ")/stat"));
    };
    const int before = cpu();
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < end)
        REQUIRE_FALSE(fixture.processes().empty());
    CHECK(cpu() - before < 20);
}

TEST_CASE(
    "an idle slot ends when its launcher has been away for long, and one that keeps a stage's end does not")
{
    // By the socket: on stdin the same time begins after 45 s of silence.
    SlotFixture kept{false};
    SlotFixture idle{false};
    kept.use_init(SLIPWAY_HASTY_SLOT_INIT);
    idle.use_init(SLIPWAY_HASTY_SLOT_INIT);
    kept.create([](slot::SlotSpec& spec) { spec.name += "-kept"; });
    idle.create();
    CHECK(kept.shell("echo done").output == "done\n");
    kept.leave();
    idle.leave();
    const auto runs = [](const SlotFixture& fixture) {
        return run_host("docker inspect -f '{{.State.Running}}' " + fixture.container()) == "true\n";
    };
    const auto begin = std::chrono::steady_clock::now();
    while (runs(idle))
        REQUIRE(std::chrono::steady_clock::now() - begin < 30s);
    CHECK(runs(kept)); // it was alone for at least as long
    kept.come_back(kept.have);
    kept.wait_for<slot::Ready>();
    CHECK(kept.shell("echo here").output == "here\n");
}

TEST_CASE("docker stop interrupts the job first and leaves it the grace, whatever the image asks for")
{
    SlotFixture fixture;
    fixture.create([](slot::SlotSpec& spec) { spec.grace = 20s; });
    fixture.start(
        SlotFixture::script("trap 'echo saved; exit 4' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    run_host("docker stop " + fixture.container() + " > /dev/null 2>&1 &");
    const RunEnd end = fixture.finish();
    CHECK(end.output.ends_with("saved\n"));
    CHECK(end.exit.code == 4);
    CHECK(end.exit.cause == slot::StopCause::stopped);
    CHECK(
        run_host("docker inspect -f '{{.Config.StopSignal}} {{.Config.StopTimeout}}' " + fixture.container())
        == "SIGTERM 35\n");
}

TEST_CASE("the run limit and the silence limit warn at 80 % and end the run with their cause")
{
    SlotFixture fixture;
    fixture.create();
    must(fixture.slot().link().limits({.total = 0ms, .silence = 5s, .grace = 5s}));
    const RunEnd silent = fixture.shell("sleep 0.3; echo word; sleep 60");
    CHECK(silent.exit.cause == slot::StopCause::silence);
    CHECK(silent.output == "word\n");
    REQUIRE(silent.notices.size() == 1);
    CHECK(silent.notices[0].kind == slot::NoticeKind::silence);
    CHECK(silent.notices[0].limit == 5s);
    CHECK(silent.notices[0].elapsed >= 4s);
    must(fixture.slot().link().limits({.total = 60s, .silence = 0ms, .grace = 5s}));
    CHECK(fixture.shell("echo in time").exit.cause == slot::StopCause::none);
    fixture.start(SlotFixture::script("while :; do echo busy; sleep 0.05; done"));
    fixture.wait_for<slot::Output>();
    fixture.restart_launcher(fixture.have);
    // From the slot's first run, which has passed more than this.
    fixture.wait_for<slot::Ready>();
    must(fixture.slot().link().limits({.total = 5s, .silence = 0ms, .grace = 5s}));
    const RunEnd total = fixture.finish();
    CHECK(total.exit.cause == slot::StopCause::deadline);
    REQUIRE(total.notices.size() == 1);
    CHECK(total.notices[0].kind == slot::NoticeKind::total);
}

TEST_CASE("output that nobody takes is back-pressure and not silence")
{
    SlotFixture fixture;
    fixture.create();
    must(fixture.slot().link().limits({.total = 0ms, .silence = 3s, .grace = 5s}));
    fixture.start(
        {.argv = {"head", "-c", "4000000", "/dev/zero"}, .env = {"PATH=/bin"}, .cwd = "/", .user = ""});
    std::uint64_t seen = 0;
    while (seen < slot::kOutputWindow) {
        auto event = must(fixture.slot().link().next_event(10s, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event))
            seen += output->bytes.size();
    }
    // Longer than the limit.
    CHECK_FALSE(must(fixture.slot().link().next_event(5s, {})));
    fixture.have = seen;
    must(fixture.slot().link().ack(seen, 0));
    const RunEnd end = fixture.finish();
    CHECK(end.exit.cause == slot::StopCause::none);
    CHECK(fixture.have == 4'000'000);
}

TEST_CASE("a process that the kernel kills for memory is reported")
{
    SlotFixture fixture;
    fixture.create([](slot::SlotSpec& spec) { spec.memory_bytes = 32 * 1024 * 1024; });
    const RunEnd end = fixture.shell("tail /dev/zero; exit $?");
    CHECK(end.exit.oom_kills >= 1);
    CHECK(end.exit.shell_code() == 137);
    CHECK(fixture.shell("echo alive").output == "alive\n");
}
