#include "common/file.h"
#include "test/support/canaries.h"
#include "test/support/engine.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

/// A Docker Engine that knows crun and gVisor's runsc as operators set them up. gVisor's own network needs
/// more of a machine than its sandbox does, and jobs have none here.
class RuntimeEngine {
public:
    explicit RuntimeEngine(const std::string& default_runtime = "runc")
    {
        const auto file = directory_.path() / "daemon.json";
        REQUIRE(replace_file(file,
            R"({"runtimes":{"crun":{"path":"/usr/bin/crun"},"runsc":{"path":"/usr/bin/runsc",)"
            R"("runtimeArgs":["--network=none"]}},"default-runtime":")"
                + default_runtime + "\"}"));
        engine_.emplace(
            std::vector<std::string>{"--config-file", file.string()}, OwnEngine::Cgroups::v1_alone);
    }

    [[nodiscard]] std::string host() const { return engine_->host(); }

private:
    TempDir directory_;
    std::optional<OwnEngine> engine_;
};

/// Podman's service of Docker's API.
class Podman {
public:
    Podman()
    {
        const auto path = [this](const char* name) { return (directory_.path() / name).string(); };
        // Where root may not raise limits, Podman's own defaults start no container.
        REQUIRE(replace_file(path("containers.conf"),
            "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n"));
        auto command = OwnEngine::with_cgroups_v1_alone();
        command.insert(command.end(),
            {"podman", "--root", path("root"), "--runroot", path("run"), "--storage-driver=vfs",
                "--cgroup-manager=cgroupfs", "system", "service", "--time=0", host()});
        auto started = Process::start({.argv = command,
            .env = {{"CONTAINERS_CONF", path("containers.conf")}},
            .directory = {},
            .log = path("log")});
        REQUIRE(started);
        service_ = *std::move(started);
        REQUIRE(World::becomes_true([&] {
            return static_cast<bool>(run_program({"docker", "-H", host(), "version"}));
        }));
    }

    [[nodiscard]] std::string host() const { return "unix://" + (directory_.path() / "sock").string(); }

private:
    TempDir directory_;
    std::optional<Process> service_;
};

/// Why no container starts with these options on this machine; empty: it does.
std::string obstacle(const World& world, const std::string& host, const std::string& options = {})
{
    const auto tried = run_program({"sh", "-c",
        "docker -H \"$0\" run --rm --network none " + options + " \"$1\" true 2>&1 || echo \"($?)\"", host,
        world.image()});
    return tried ? *tried : tried.error().message();
}

/// A run from plan to apply, with a launcher that is killed in both stages.
void run_through(World& world, const std::string& runtime)
{
    const std::vector<std::pair<std::string, std::string>> settings{{"SPACELIFT_WORKER_RUNTIME", runtime}};
    const bool ready = world.try_launcher(settings);
    INFO(whole_file(world.directory() / "launcher.log"));
    REQUIRE(ready);
    world.create_stack("web", {"cat main.conf; uname -r; echo carried >note", World::kGate, "echo planned"},
        {"cat note", World::kGate, "echo applied"});
    const auto run = world.start_run("web");
    const auto crash = [&](std::string_view said) {
        const bool is_said
            = World::becomes_true([&] { return world.log(run).find(said) != std::string::npos; });
        INFO(world.log(run) << whole_file(world.directory() / "launcher.log"));
        REQUIRE(is_said);
        world.kill_launcher();
        world.open_gate();
        world.start_launcher(settings);
    };
    crash("greeting = hello\n");
    world.wait_state(run, "UNCONFIRMED");
    world.wait_no_containers();
    world.confirm(run);
    crash("carried\n");
    world.wait_state(run, "FINISHED");
    const auto log = world.log(run);
    INFO(log);
    for (const std::string line : {"hello\n", "planned\n", "carried\n", "applied\n"}) {
        const auto at = log.find(line);
        CHECK(at != std::string::npos);
        CHECK(log.find(line, at + 1) == std::string::npos);
    }
}

} // namespace

TEST_CASE("a run goes from plan to apply over deaths of its launcher in containers of crun and of gVisor")
{
    const std::string runtime = GENERATE("crun", "runsc");
    CAPTURE(runtime);
    const RuntimeEngine engine;
    World world{engine.host()};
    if (const auto why = obstacle(world, engine.host(), "--runtime " + runtime); !why.empty()) {
        WARN("this machine starts no container of " << runtime << ": " << why);
        return;
    }
    run_through(world, runtime);
    const auto said = whole_file(world.directory() / "launcher.log");
    INFO(said);
    CHECK_THAT(said, Contains("runtime=" + runtime));
    // A kernel of its own shares no socket with the host's.
    CHECK_THAT(said, Contains(runtime == "runsc" ? "transport=stdio" : "transport=socket"));
}

TEST_CASE("a run goes from plan to apply over deaths of its launcher in containers of Podman")
{
    const Podman podman;
    World world{podman.host()};
    if (const auto why = obstacle(world, podman.host()); !why.empty()) {
        WARN("this machine starts no container of Podman: " << why);
        return;
    }
    run_through(world, "");
}

TEST_CASE("slots keep their promises in containers of crun: the tests of slots pass there")
{
    const RuntimeEngine engine{"crun"};
    World world{engine.host()};
    if (const auto why = obstacle(world, engine.host()); !why.empty()) {
        WARN("this machine starts no container of crun: " << why);
        return;
    }
    const bool is_long = std::getenv("SLIPWAY_LONG") != nullptr; // NOLINT(concurrency-mt-unsafe)
    const std::vector<std::pair<std::string, std::string>> selection{
        {"slot_test", "a slot runs commands*,a run has the user*,docker stop interrupts*,a slot in which*"},
        {"slot_attack_test",
            "a job cannot*,a fork bomb*,signals of a job*,a job is given*,a daemon that holds*"}};
    for (const auto& [program, names] : selection) {
        CAPTURE(program);
        std::vector<std::string> argv{std::string{SLIPWAY_BIN_DIR "/"} + program};
        if (!is_long)
            argv.push_back(names);
        auto tests = Process::start({.argv = argv,
            .env = {{"DOCKER_HOST", engine.host()}},
            .directory = {},
            .log = world.directory() / "tests.log"});
        REQUIRE(tests);
        const auto ended = tests->finish(std::chrono::minutes{is_long ? 20 : 4});
        REQUIRE(ended);
        INFO(ended->second);
        CHECK(ended->first == 0);
        CHECK_THAT(ended->second, Contains("All tests passed"));
    }
}
