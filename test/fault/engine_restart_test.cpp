#include "test/support/byte_generator.h"
#include "test/support/engine.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr std::uint32_t kLines = 600;

/// A world whose engine takes its containers with it.
struct Fragile {
    OwnEngine engine{{"--live-restore=false", "--shutdown-timeout=2"}};
    World world{engine.host()};
    ByteGenerator generator{seed()};

    Fragile()
    {
        world.start_launcher();
        const std::vector<std::string> counting{
            generator.shell(0, kLines - 10, "0.004"), World::kGate, generator.shell(kLines - 10, 10)};
        world.create_stack("web", counting, counting);
    }

    /// Lets a stage whose log has grown past `begun` come to its end.
    void pass_gate(const std::string& run, std::size_t begun, std::string_view state)
    {
        world.wait_log(run, begun + 3000);
        world.open_gate();
        world.wait_state(run, state);
    }

    /// A run whose apply is to begin. Returns it, and the length of its log.
    std::pair<std::string, std::size_t> confirm_plan()
    {
        auto run = world.start_run("web");
        pass_gate(run, 0, "UNCONFIRMED");
        world.wait_no_containers();
        const auto planned = world.log(run).size();
        world.confirm(run);
        return {std::move(run), planned};
    }

    void check(const std::string& run)
    {
        world.wait_no_containers();
        CHECK(world.history().run(world.run(run).json));
        CHECK(generator.first_break(world.log(run)) == "");
        CHECK(world.history().report() == "");
    }
};

} // namespace

TEST_CASE("an engine that comes back and stops its containers is answered at once, and the worker goes on")
{
    Fragile place;
    auto& world = place.world;
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    place.engine.kill();
    place.engine.start(); // ends what still runs, and answers nobody before
    const auto view = world.wait_run(
        run, [](const RunView& now) { return now.terminal; }, std::chrono::minutes{2});
    INFO(view.json << world.log(run));
    CHECK(view.state == "FAILED");
    CHECK(view.json.find("stopped") != std::string::npos);
    const auto [next, planned] = place.confirm_plan();
    place.pass_gate(next, planned, "FINISHED");
    place.check(next);
}

TEST_CASE("an engine that is shut down gives an apply its grace, and the run says that it was stopped")
{
    Fragile place;
    auto& world = place.world;
    const auto [run, planned] = place.confirm_plan();
    world.wait_log(run, planned + 3000);
    place.engine.stop();
    place.engine.start();
    const auto view = world.wait_run(
        run, [](const RunView& now) { return now.terminal; }, std::chrono::minutes{2});
    INFO(view.json << world.log(run));
    CHECK(view.state == "FAILED");
    CHECK(view.json.find("stopped") != std::string::npos);
    place.check(run);
}
