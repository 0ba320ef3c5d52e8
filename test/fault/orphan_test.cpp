#include "common/file.h"
#include "test/support/engine.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::test;

namespace {

/// A container that another launcher has made, on the same engine.
class Foreign {
public:
    explicit Foreign(const std::string& image)
    {
        auto id = run_program({"docker", "run", "-d", "--network", "none", "--label",
            "io.slipway.instance=01J000000000000000000OTHER", "--label",
            "io.slipway.stage=01J0000000000000000000STGE", "--label",
            "io.slipway.run=01J00000000000000000000RUN", image, "sleep", "600"});
        REQUIRE(id);
        id_ = id->substr(0, 64);
    }

    Foreign(const Foreign&) = delete;
    Foreign& operator=(const Foreign&) = delete;

    ~Foreign() { (void)run_program({"docker", "rm", "-f", "-v", id_}); }

    [[nodiscard]] bool runs() const
    {
        return run_program({"docker", "inspect", "-f", "{{.State.Running}}", id_}).value_or("") == "true\n";
    }

private:
    std::string id_;
};

/// What `slipway-launcher why` says of the launcher of a world.
std::string why(const World& world)
{
    auto process = Process::start({.argv = {SLIPWAY_BIN_DIR "/slipway-launcher", "why"},
        .env = {{"SLIPWAY_STATE_DIR", world.state_directory()}},
        .directory = {},
        .log = world.directory() / "why.log"});
    REQUIRE(process);
    const auto ended = process->finish(std::chrono::seconds{30});
    REQUIRE(ended);
    return ended->second;
}

} // namespace

TEST_CASE("what a crashed launcher left and nobody needs is gone after the next start, and nothing of others")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"echo begun", World::kGate}, {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 1);
    const Foreign foreign{world.image()};
    world.kill_launcher();
    REQUIRE(world.containers().size() == 1);
    // The stage is forgotten, as a crash in the last step of its removal leaves it.
    REQUIRE(remove_tree(world.state_directory() / "jobs"));
    REQUIRE_FALSE(std::filesystem::is_empty(world.state_directory() / "slots"));

    world.start_launcher();
    world.wait_no_containers();
    CHECK(World::becomes_true([&] { return std::filesystem::is_empty(world.state_directory() / "slots"); }));
    CHECK(foreign.runs());
}

TEST_CASE("a Docker engine that hangs stops intake, and why names it until it answers again")
{
    OwnEngine engine;
    World world{engine.host()};
    world.start_launcher();
    world.create_stack("web", {"true"}, {"true"});
    CHECK(why(world).find("nothing holds this launcher back") != std::string::npos);
    engine.freeze();
    CHECK(World::becomes_true(
        [&] { return why(world).find("Docker has not answered for") != std::string::npos; },
        std::chrono::minutes{1}));
    const auto run = world.start_run("web");
    CHECK(world.run(run).state == "READY"); // nobody takes it
    engine.thaw();
    world.wait_launcher_says("Docker answers again");
    world.wait_state(run, "UNCONFIRMED");
}
