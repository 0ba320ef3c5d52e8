#include "common/json.h"
#include "test/support/neighbour.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::test;

namespace {

struct Shown {
    int code = -1;
    std::string instance;
    std::size_t stages = 0;
};

/// What `slipway-launcher status` says of the launcher on a state directory.
Shown shown_by(const std::filesystem::path& state)
{
    auto process = Process::start({.argv = {SLIPWAY_BIN_DIR "/slipway-launcher", "status", "--json"},
        .env = {{"SLIPWAY_STATE_DIR", state}},
        .directory = {},
        .log = {}});
    REQUIRE(process);
    const auto ended = process->finish(std::chrono::seconds{30});
    REQUIRE(ended);
    Shown shown{.code = ended->first};
    if (shown.code != 0)
        return shown;
    const auto json = JsonDocument::parse(ended->second);
    REQUIRE(json);
    shown.instance = json->root().string("instance").value_or("");
    const auto stages = json->root().at("stages");
    REQUIRE(stages);
    shown.stages = stages->elements()->size();
    return shown;
}

bool runs(const std::string& container)
{
    return run_program({"docker", "inspect", "-f", "{{.State.Running}}", container}).value_or("") == "true\n";
}

/// The one container of a stage; a warm slot bears no stage's name.
std::string stage_of(const std::vector<std::string>& containers)
{
    std::string found;
    for (const auto& id : containers) {
        const auto stage
            = run_program({"docker", "inspect", "-f", "{{index .Config.Labels \"io.slipway.stage\"}}", id});
        if (stage && stage->size() > 1) {
            REQUIRE(found.empty());
            found = id;
        }
    }
    return found;
}

} // namespace

TEST_CASE("launchers that share an engine leave each other's containers alone, and each finds its own again")
{
    World world;
    world.start_launcher();
    Neighbour other{world, {{"SLIPWAY_WARM_SLOTS", "1"}}};
    world.create_stack("one", {World::kGate, "echo done"}, {"true"});
    world.create_stack("two", {World::kGate, "echo done"}, {"true"});
    const auto first = world.start_run("one");
    const auto second = world.start_run("two");
    std::string mine;
    std::string theirs;
    REQUIRE(World::becomes_true([&] { // each takes one, for that is all it may
        mine = stage_of(world.containers());
        theirs = stage_of(other.containers());
        return !mine.empty() && !theirs.empty();
    }));
    const auto here = shown_by(world.state_directory());
    const auto there = shown_by(other.state_directory());
    CHECK(here.stages == 1);
    CHECK(there.stages == 1);
    CHECK(here.instance != there.instance);

    // One is killed: the other goes on, is started anew, and neither touches what the first has left.
    other.kill();
    CHECK(shown_by(other.state_directory()).code == 3);
    const auto left = other.containers();
    world.kill_launcher();
    world.start_launcher();
    CHECK(shown_by(world.state_directory()).stages == 1);
    world.open_gate();
    const auto state_of = [&](const std::string& run) { return world.run(run).state; };
    CHECK(World::becomes_true(
        [&] { return (state_of(first) == "UNCONFIRMED") != (state_of(second) == "UNCONFIRMED"); }));
    world.wait_no_containers();
    CHECK(other.containers() == left);
    CHECK(std::ranges::all_of(left, runs));

    // It comes back: its stage goes on where it stands, and what was warm and is nobody's now is gone.
    other.start();
    CHECK(shown_by(other.state_directory()).instance == there.instance);
    CHECK(runs(theirs));
    REQUIRE(run_program({"docker", "exec", theirs, "touch", "/tmp/gate-is-open"}));
    world.wait_state(first, "UNCONFIRMED");
    world.wait_state(second, "UNCONFIRMED");
    CHECK(World::becomes_true([&] {
        const auto now = other.containers();
        return std::ranges::none_of(left, [&](const auto& id) { return std::ranges::count(now, id) > 0; });
    }));
}
