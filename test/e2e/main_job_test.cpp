#include "common/file.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>
#include <cctype>
#include <sstream>

using namespace slipway;
using namespace slipway::test;

namespace {

std::vector<std::string> lines_with(const std::string& log, std::string_view prefix)
{
    std::vector<std::string> found;
    std::istringstream stream{log};
    for (std::string line; std::getline(stream, line);)
        if (line.starts_with(prefix))
            found.push_back(line);
    return found;
}

} // namespace

TEST_CASE("a run goes from plan over the confirmation to an apply on the carried workspace")
{
    World world;
    world.start_launcher();
    world.create_stack("web",
        {"cat main.conf", "cat /proc/sys/kernel/random/uuid > ../plan.id", "echo id=$(cat ../plan.id)"},
        {"echo id=$(cat ../plan.id)", "cat main.conf"});
    const auto run = world.start_run("web");
    world.wait_state(run, "UNCONFIRMED");
    world.wait_no_containers();

    world.confirm(run);
    const auto finished = world.wait_state(run, "FINISHED");

    CHECK(finished.history
        == std::vector<std::string>{"QUEUED", "READY", "PREPARING", "PLANNING", "UNCONFIRMED", "CONFIRMED",
            "PREPARING_APPLY", "APPLYING", "FINISHED"});
    const auto ids = lines_with(world.log(run), "id=");
    REQUIRE(ids.size() == 2);
    CHECK(ids[0] == ids[1]);
    CHECK(ids[0].size() == 39);
    CHECK(lines_with(world.log(run), "greeting = hello").size() == 2);
    world.wait_no_containers();
}

TEST_CASE("a run's container has the allowed variables and no others of the launcher")
{
    World world;
    world.start_launcher(
        {{"SPACELIFT_WHITELIST_ENVS", "ALLOWED"}, {"ALLOWED", "may-be-seen"}, {"OTHER", "must-not-be-seen"}});
    world.create_stack("web",
        {"env", "env | sed -n '/^SHLVL=/d; /^_=/d; /^PWD=/d; /^OLDPWD=/d; s/=.*//; s/^/name=/p' | sort",
            "cat /proc/1/environ || true"},
        {"true"});
    const auto run = world.start_run("web");
    world.wait_state(run, "UNCONFIRMED");

    const std::string log = world.log(run);
    // The allowed one, the image's and the shell's, and what a run says of itself; the same under both
    // prefixes.
    std::vector<std::string> names{"name=ALLOWED", "name=HOME", "name=PATH"};
    for (const auto* prefix : {"name=SPACELIFT_", "name=TF_VAR_spacelift_"})
        for (std::string name : {"LOCAL_PREVIEW", "PROJECT_ROOT", "RUN_ID", "RUN_STATE", "RUN_TYPE",
                 "STACK_ID", "WORKSPACE_ROOT"}) {
            if (std::string_view{prefix}.ends_with("spacelift_"))
                std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
            names.push_back(prefix + name);
        }
    CHECK(lines_with(log, "name=") == names);
    CHECK(lines_with(log, "ALLOWED=may-be-seen").size() == 1);
    CHECK(log.find("must-not-be-seen") == std::string::npos);
    CHECK(lines_with(log, "SPACELIFT_TOKEN").empty());
    CHECK(lines_with(log, "SPACELIFT_POOL_PRIVATE_KEY").empty());
    CHECK(log.find(world.token().substr(0, 60)) == std::string::npos);
}

TEST_CASE("the pool's private key is nowhere in the control plane's directory")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"true"}, {"true"});
    const auto run = world.start_run("web");
    world.wait_state(run, "UNCONFIRMED");
    world.confirm(run);
    world.wait_state(run, "FINISHED");

    const auto pem = read_file(world.directory() / "spacelift.key", 65536);
    REQUIRE(pem);
    std::istringstream stream{*pem};
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    REQUIRE(lines.size() > 20);
    const std::string needle = lines[lines.size() / 2];
    const std::string encoded = world.private_key_base64().substr(200, 60);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{world.data_directory()}) {
        if (!entry.is_regular_file())
            continue;
        ++files;
        const auto content = read_file(entry.path(), 1U << 30U);
        REQUIRE(content);
        INFO(entry.path());
        CHECK(content->find(needle) == std::string::npos);
        CHECK(content->find(encoded) == std::string::npos);
    }
    CHECK(files >= 5);
}

TEST_CASE("a failing plan fails the run and nothing is applied")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"echo before", "exit 7", "echo after"}, {"echo applied"});
    const auto run = world.start_run("web");
    const auto failed = world.wait_state(run, "FAILED");
    CHECK(failed.json.find("\"exit_code\":7") != std::string::npos);
    const std::string log = world.log(run);
    CHECK(lines_with(log, "before").size() == 1);
    CHECK(lines_with(log, "after").empty());
    CHECK(lines_with(log, "applied").empty());
}

TEST_CASE("nothing runs until a pool is attached to the stack")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"echo ran"}, {"true"});
    world.call("PATCH", "/api/v1/stacks/web", R"({"pool":null})");
    const auto waiting = world.start_run("web");
    // The worker is there and free: it takes a later run of another stack to its end.
    world.create_stack("other", {"true"}, {"true"});
    world.wait_state(world.start_run("other"), "UNCONFIRMED");
    const auto view = world.run(waiting);
    CHECK(view.state == "QUEUED");
    CHECK(view.json.find("pool") != std::string::npos);
    world.call("PATCH", "/api/v1/stacks/web", R"({"pool":"demo"})");
    world.wait_state(waiting, "UNCONFIRMED");
}

TEST_CASE("the first TERM drains: the run is finished, the worker leaves the pool, the exit code is 0")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"echo begun", World::kGate, "echo over"}, {"true"});
    const auto run = world.start_run("web");
    world.wait_state(run, "PLANNING");
    world.launcher().signal(SIGTERM);
    world.wait_launcher_says("draining");
    world.wait_worker("DRAINED");
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    const auto code = world.launcher().wait(std::chrono::seconds{20});
    REQUIRE(code);
    CHECK(*code == 0);
    CHECK(lines_with(world.log(run), "over").size() == 1);
    CHECK(world.call("GET", "/api/v1/workers").find("\"workers\":[]") != std::string::npos);
}

TEST_CASE("the second TERM stops what runs and reports it")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"echo begun", "sleep 600"}, {"true"});
    const auto run = world.start_run("web");
    world.wait_state(run, "PLANNING");
    world.launcher().signal(SIGTERM);
    world.wait_launcher_says("draining"); // two signals that wait together would be one
    world.launcher().signal(SIGTERM);
    world.wait_run(run, [](const RunView& view) { return view.terminal; });
    const auto code = world.launcher().wait(std::chrono::seconds{60});
    REQUIRE(code);
    CHECK(*code == 0);
    world.wait_no_containers();
}

TEST_CASE("the operator of a worker stops a run, whose log and cause say so, and the worker goes on")
{
    World world;
    world.start_launcher();
    world.create_stack("web", {"echo begun", World::kGate}, {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, std::string_view{"[slipway] plan\n"}.size());
    const auto tool = [&](const std::string& command, const std::string& job) {
        std::vector<std::string> argv{
            SLIPWAY_BIN_DIR "/slipway-launcher", command, "--state-dir", world.state_directory().string()};
        if (!job.empty())
            argv.push_back(job);
        return run_program(argv);
    };
    CHECK(tool("status", "").value_or("").find(run + ", job ") != std::string::npos);
    CHECK_FALSE(tool("stop", "01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    CHECK_FALSE(tool("stop", ""));
    REQUIRE(tool("stop", run));
    const auto view = world.wait_state(run, "FAILED");
    CHECK(view.json.find("plan: stopped: plan: stopped by the operator of the worker") != std::string::npos);
    CHECK(world.log(run).find("stopping by the operator of the worker") != std::string::npos);
    const auto next = world.start_run("web");
    world.wait_log(next, std::string_view{"[slipway] plan\n"}.size());
    world.open_gate();
    world.wait_state(next, "UNCONFIRMED");
}
