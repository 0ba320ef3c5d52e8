#include "common/file.h"
#include "test/hostile/slot_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>

using namespace slipway;
using namespace slipway::test;

namespace {

/// A slot with the attacking program at /attacker.
void arm(SlotFixture& fixture, const std::function<void(slot::SlotSpec&)>& change = {})
{
    // A copy: the engine need not see the directory that this was built in.
    const auto attacker = fixture.place().parent_path() / "attacker";
    std::filesystem::copy_file(SLIPWAY_ATTACKER, attacker);
    fixture.create([&](slot::SlotSpec& spec) {
        spec.mounts.push_back({.kind = docker::MountKind::bind,
            .source = attacker.string(),
            .target = "/attacker",
            .read_only = true});
        if (change)
            change(spec);
    });
}

slot::RunSpec attack(const std::vector<std::string>& words, const std::string& user)
{
    slot::RunSpec spec{.argv = {"/attacker"}, .env = {"PATH=/bin"}, .cwd = "/", .user = user};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    return spec;
}

std::vector<std::string> names_in(const std::filesystem::path& directory)
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{directory})
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

TEST_CASE("a job cannot write, trace or look into PID 1")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    const RunEnd end = fixture.run(attack({"memory"}, user));
    INFO(end.output);
    CHECK(end.exit.code == 0);
    CHECK(end.output.find("SUCCEEDED") == std::string::npos);
    CHECK(end.output.find("DEFEATED: open /proc/1/mem") != std::string::npos);
    CHECK(fixture.shell("exit 6").exit.code == 6);
}

TEST_CASE("a job cannot change anything in the slot's directory")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    const RunEnd end = fixture.run(attack({"plant"}, user));
    INFO(end.output);
    CHECK(end.exit.code == 0);
    CHECK(end.output.find("SUCCEEDED") == std::string::npos);
    CHECK(names_in(fixture.place())
        == (fixture.stdio() ? std::vector<std::string>{"s"} : std::vector<std::string>{"s", "slot-init"}));
}

TEST_CASE("a job cannot connect while its slot is connected")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    const RunEnd end = fixture.run(attack({"connect"}, user));
    INFO(end.output);
    CHECK(end.exit.code == 0);
}

TEST_CASE("a flood of connections with forged frames neither passes as the slot nor keeps it out")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture{false};
    arm(fixture);
    fixture.start(attack({"flood-socket", "4"}, user));
    fixture.wait_output("flooding\n");
    fixture.restart_launcher(fixture.have);
    const auto ready = fixture.wait_for<slot::Ready>();
    CHECK(ready.last_seq == 1);
    const RunEnd end = fixture.finish();
    CHECK(end.exit.code == 7);
    CHECK(end.output.find("SUCCEEDED") == std::string::npos);
}

TEST_CASE("a daemon that holds the output open after the end does not hold up the run")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    const auto begin = std::chrono::steady_clock::now();
    const RunEnd end = fixture.run(attack({"hold"}, user));
    CHECK(end.exit.code == 3);
    CHECK(end.output == "main is done\n");
    CHECK(end.exit.swept);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{10});
    CHECK(fixture.shell("ps | grep -c '/attacke[r]'").output == "0\n");
}

TEST_CASE("a fork bomb ends at the limit of processes and is swept away")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture, [](slot::SlotSpec& spec) { spec.pids_limit = 60; });
    const RunEnd end = fixture.run(attack({"fork"}, user));
    CHECK(end.exit.code == 4);
    REQUIRE(end.output.starts_with("made "));
    CHECK(std::stoi(end.output.substr(5)) < 60);
    CHECK(fixture.shell("echo alive").output == "alive\n");
}

TEST_CASE("a log flood waits for the acknowledgement and arrives whole")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    fixture.start(attack({"flood", "64"}, user));
    std::uint64_t bytes = 0;
    std::optional<slot::Exited> exit;
    while (!exit) {
        auto event = must(fixture.slot().link().next_event(std::chrono::seconds{30}, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event)) {
            REQUIRE(output->offset == bytes);
            REQUIRE(output->bytes.find_first_not_of('f') == std::string::npos);
            bytes += output->bytes.size();
            must(fixture.slot().link().ack(bytes, 0));
        }
        if (const auto* found = std::get_if<slot::Exited>(&*event))
            exit = *found;
    }
    CHECK(bytes == 64U * 1024 * 1024);
    CHECK(exit->code == 5);
}

TEST_CASE("a flood of what a run left behind does not make it endless")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    fixture.start(attack({"hold-flood"}, user));
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t seen = 0;
    std::uint64_t kept = 0;
    std::optional<slot::Exited> exit;
    while (!exit && std::chrono::steady_clock::now() - begin < std::chrono::seconds{20}) {
        auto event = must(fixture.slot().link().next_event(std::chrono::seconds{10}, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event))
            seen += output->bytes.size();
        if (const auto* found = std::get_if<slot::Exited>(&*event))
            exit = *found;
        // As a slow launcher: room is made only when there is none left.
        if (seen - kept == slot::kOutputWindow)
            must(fixture.slot().link().ack(kept = seen, 0));
    }
    REQUIRE(exit);
    CHECK(exit->code == 3);
    CHECK(exit->cause == slot::StopCause::none);
    CHECK(exit->output_end == seen);
}

TEST_CASE("the run limit ends a flood of what a run left behind while the launcher is away")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    must(fixture.slot().link().limits({.total = std::chrono::seconds{4}, .silence = {}, .grace = {}}));
    fixture.start(attack({"hold-flood"}, user));
    fixture.wait_for<slot::Output>();
    fixture.leave();
    const auto begin = std::chrono::steady_clock::now();
    while (fixture.processes().find("/attacker") != std::string::npos)
        REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds{20});
    fixture.come_back(fixture.have);
    CHECK(fixture.finish().exit.code == 3);
}

TEST_CASE("when the leader ends at the interrupt, its group keeps the grace to save its state")
{
    SlotFixture fixture;
    arm(fixture);
    fixture.start(attack({"wrapper", "5"}, ""));
    fixture.wait_output("up\n");
    must(fixture.slot().link().stop(std::chrono::seconds{60}));
    const RunEnd end = fixture.finish();
    CHECK(end.output == "up\nsaved\n");
    CHECK(end.exit.code == 3);
    CHECK(end.exit.cause == slot::StopCause::stopped);
}

TEST_CASE("a stop just after the leader's end interrupts its group before anything is killed")
{
    SlotFixture fixture;
    arm(fixture);
    fixture.start(attack({"orphan", "0"}, ""));
    fixture.wait_output("up\n");
    must(fixture.slot().link().stop(std::chrono::seconds{60}));
    const RunEnd end = fixture.finish();
    CHECK(end.output == "up\nsaved\n");
    CHECK(end.exit.code == 3);
}

TEST_CASE("a job that makes the shared output non-blocking hurts neither itself nor who comes after it")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    fixture.start(attack({"nonblock"}, user));
    // Nothing is acknowledged until slot-init and the pipe are full.
    std::uint64_t seen = 0;
    while (seen < slot::kOutputWindow) {
        auto event = must(fixture.slot().link().next_event(std::chrono::seconds{30}, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event))
            seen += output->bytes.size();
    }
    CHECK_FALSE(must(fixture.slot().link().next_event(std::chrono::seconds{1}, {})));
    fixture.have = seen;
    must(fixture.slot().link().ack(seen, 0));
    const RunEnd end = fixture.finish();
    CHECK(end.exit.code == 0);
    CHECK(end.output.ends_with("number 39999\n"));
    const RunEnd next = fixture.shell("i=0; while [ $i -lt 40000 ]; do echo some line $i; i=$((i+1)); done");
    CHECK(next.exit.code == 0);
    CHECK(next.output.ends_with("some line 39999\n"));
}

TEST_CASE("signals of a job do not end, stop or command PID 1")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    const RunEnd end = fixture.run(attack({"signals"}, user));
    CHECK(end.output == "PID 1 was signalled\n");
    CHECK(end.exit.code == 0);
    CHECK(end.exit.cause == slot::StopCause::none);
    // Neither between two commands.
    fixture.shell("while :; do kill -TERM 1; done >/dev/null 2>&1 &", user);
    CHECK(fixture.shell("exit 8").exit.code == 8);
    CHECK(fixture.shell("exit 9").exit.cause == slot::StopCause::none);
}

TEST_CASE("a job is given no descriptor but its own three, and reaches none of PID 1's")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture);
    const RunEnd end = fixture.run(attack({"descriptors"}, user));
    INFO(end.output);
    CHECK(end.exit.code == 0);
    CHECK(end.output.find("SUCCEEDED") == std::string::npos);
    CHECK(fixture.shell("exit 6").exit.code == 6);
}

TEST_CASE("a job that fills its disk gets its files refused with words, and its slot goes on")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    arm(fixture, [](slot::SlotSpec& spec) { spec.tmpfs = {{"/full", "size=64k,mode=1777"}}; });
    CHECK(fixture.shell("cat /dev/zero >/full/all 2>/dev/null; echo filled", user).output == "filled\n");
    const auto tar = run_host("d=$(mktemp -d); head -c 131072 /dev/zero >$d/big; tar -C $d -c big; rm -r $d");
    const auto put = fixture.slot().link().put(
        {.directory = "/full", .user = user}, [&](const slot::Sink& sink) { return sink(tar); }, {});
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::exhausted);
    CHECK(put.error().message().find("No space left") != std::string::npos);
    CHECK(fixture.shell("rm /full/all; echo alive", user).output == "alive\n");
}
