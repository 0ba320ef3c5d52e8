#include "test/support/byte_generator.h"
#include "test/support/engine.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>
#include <poll.h>

#include <random>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr std::uint32_t kLines = 600;
constexpr std::uint32_t kBeforeGate = 500;

const ByteGenerator& generator()
{
    static const ByteGenerator lines{seed()};
    return lines;
}

/// All of a stage's lines, slowly enough that a kill falls in between; the last ones only when the gate was
/// opened, so that the run is under way for as long as the test needs.
std::vector<std::string> counting()
{
    return {generator().shell(0, kBeforeGate, "0.004"), World::kGate,
        generator().shell(kBeforeGate, kLines - kBeforeGate)};
}

std::string expected_lines() { return generator().lines(0, kLines); }

/// Kills three times in the plan and once in the apply, and lets the run come to its end in between.
void crash_and_check(World& world, const std::function<void()>& crash)
{
    world.start_launcher();
    world.create_stack("web", counting(), counting());
    const auto run = world.start_run("web");
    for (const std::uint64_t bytes : {300U, 3000U, 9000U}) {
        world.wait_log(run, bytes);
        CHECK(world.wait_state(run, "PLANNING").state == "PLANNING"); // which is told beside the log
        crash();
    }
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    world.wait_no_containers();
    const auto planned = world.log(run).size();

    world.confirm(run);
    world.wait_log(run, planned + 3000);
    CHECK(world.wait_state(run, "APPLYING").state == "APPLYING");
    crash();
    world.open_gate();
    world.wait_state(run, "FINISHED");
    world.record(run, expected_lines() + expected_lines());
    CHECK(world.history().report() == "");
}

} // namespace

TEST_CASE("a launcher that is killed in mid-run takes the run over again and loses no byte of its log")
{
    World world;
    crash_and_check(world, [&] {
        world.kill_launcher();
        world.start_launcher();
    });
}

TEST_CASE("a control plane that is killed in mid-run loses and repeats nothing")
{
    World world;
    crash_and_check(world, [&] {
        world.kill_mothership();
        world.start_mothership();
    });
}

TEST_CASE("launcher and control plane killed together carry on where they were")
{
    World world;
    crash_and_check(world, [&] {
        world.kill_launcher();
        world.kill_mothership();
        world.start_mothership();
        world.start_launcher();
    });
}

TEST_CASE("a run whose end comes while the launcher is dead is reported by the next one")
{
    World world;
    world.start_launcher();
    world.create_stack("web", counting(), {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    world.kill_launcher();
    world.open_gate();
    world.wait_commands_over();
    CHECK(world.run(run).state == "PLANNING");
    world.start_launcher();
    world.wait_state(run, "UNCONFIRMED");
    world.confirm(run);
    world.wait_state(run, "FINISHED");
    world.record(run, expected_lines());
    CHECK(world.history().report() == "");
}

TEST_CASE("launchers killed at random points, and control planes, from the offer to the end, lose nothing")
{
    const int kKills = long_mode() ? 1000 : 50;
    World world;
    world.history().let_starts_repeat();
    const auto lines = generator().shell(0, kLines / 3, "0.002");
    const auto expected = generator().lines(0, kLines / 3);
    world.create_stack("web", {lines}, {lines});
    world.start_launcher();
    std::mt19937 dice{seed()};
    std::vector<std::string> runs{world.start_run("web")};
    for (int kills = 0; kills < kKills; ++kills) {
        ::poll(nullptr, 0, static_cast<int>(dice() % 250)); // any moment will do
        if (dice() % 4 == 0) {
            world.kill_mothership();
            world.start_mothership();
            continue;
        }
        world.kill_launcher();
        const auto view = world.run(runs.back());
        if (view.state == "UNCONFIRMED")
            world.confirm(runs.back());
        if (view.terminal)
            runs.push_back(world.start_run("web"));
        world.start_launcher();
    }
    world.wait_state(runs.back(), "UNCONFIRMED");
    if (world.run(runs.back()).state == "UNCONFIRMED")
        world.confirm(runs.back());
    for (const auto& run : runs) {
        world.wait_state(run, "FINISHED");
        world.record(run, expected + expected);
    }
    CHECK(world.history().report() == "");
}

TEST_CASE("a Docker engine that is killed and started again in mid-run changes nothing for the run")
{
    OwnEngine engine;
    World world{engine.host()};
    crash_and_check(world, [&] {
        engine.kill();
        engine.start();
        world.engine_is_back();
    });
}

TEST_CASE("a Docker engine that hangs in mid-run holds up nothing but itself")
{
    OwnEngine engine;
    World world{engine.host()};
    world.start_launcher();
    world.create_stack("web", counting(), {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    engine.freeze();
    const auto said = world.log(run).size();
    world.wait_log(run, said + 3000); // output does not pass through Docker
    engine.thaw();
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    world.confirm(run);
    world.wait_state(run, "FINISHED");
    world.record(run, expected_lines());
    CHECK(world.history().report() == "");
}
