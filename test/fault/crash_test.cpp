#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <sstream>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr int kLines = 600;

/// Numbered lines, slowly enough that a kill falls into the middle.
const std::vector<std::string> kCounting{
    "for i in $(seq 1 " + std::to_string(kLines) + "); do echo line-$i; usleep 4000; done"};

/// Every line once and in order; says where it first differs.
void check_lines(const std::string& log)
{
    std::istringstream stream{log};
    int next = 1;
    for (std::string line; std::getline(stream, line);) {
        if (!line.starts_with("line-"))
            continue;
        INFO("expected line-" << next);
        REQUIRE(line == "line-" + std::to_string(next));
        ++next;
    }
    CHECK(next == kLines + 1);
}

void check_once(const World& world, const std::string& log)
{
    check_lines(log);
    world.wait_no_containers();
}

} // namespace

TEST_CASE("a launcher that is killed in mid-run takes the run over again and loses no byte of its log")
{
    World world;
    world.start_launcher();
    world.create_stack("web", kCounting, kCounting);
    const auto run = world.start_run("web");
    for (const std::uint64_t bytes : {300U, 1500U, 3000U}) {
        world.wait_log(run, bytes);
        world.kill_launcher();
        world.start_launcher();
    }
    world.wait_state(run, "UNCONFIRMED");
    const std::string plan = world.log(run);
    check_once(world, plan);

    world.confirm(run);
    world.wait_log(run, plan.size() + 1000);
    world.kill_launcher();
    world.start_launcher();
    world.wait_state(run, "FINISHED");
    check_once(world, world.log(run, plan.size()));
}

TEST_CASE("a control plane that is killed in mid-run loses and repeats nothing")
{
    World world;
    world.start_launcher();
    world.create_stack("web", kCounting, kCounting);
    const auto run = world.start_run("web");
    for (const std::uint64_t bytes : {300U, 1500U, 3000U}) {
        world.wait_log(run, bytes);
        world.kill_mothership();
        world.start_mothership();
    }
    world.wait_state(run, "UNCONFIRMED");
    const std::string plan = world.log(run);
    check_once(world, plan);

    world.confirm(run);
    world.wait_log(run, plan.size() + 1000);
    world.kill_mothership();
    world.start_mothership();
    world.wait_state(run, "FINISHED");
    check_once(world, world.log(run, plan.size()));
}

TEST_CASE("launcher and control plane killed together carry on where they were")
{
    World world;
    world.start_launcher();
    world.create_stack("web", kCounting, {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 1000);
    world.kill_launcher();
    world.kill_mothership();
    world.start_mothership();
    world.start_launcher();
    world.wait_state(run, "UNCONFIRMED");
    check_once(world, world.log(run));
}

TEST_CASE("a run whose end comes while the launcher is dead is reported by the next one")
{
    World world;
    world.start_launcher();
    world.create_stack("web",
        {"echo line-1", "usleep 300000",
            "for i in $(seq 2 " + std::to_string(kLines) + "); do echo line-$i; done"},
        {"true"});
    const auto run = world.start_run("web");
    world.wait_state(run, "PLANNING");
    world.kill_launcher();
    world.start_launcher();
    world.wait_state(run, "UNCONFIRMED");
    check_once(world, world.log(run));
}
