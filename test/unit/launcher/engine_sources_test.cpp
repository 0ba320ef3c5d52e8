#include "launcher/git_source.h"
#include "launcher/job_settings.h"
#include "test/unit/launcher/engine_sealing.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using protocol::Outcome;
using protocol::StageKind;
using House = EngineHouse;

namespace {

constexpr auto kCommitFile = "/dev/shm/.slipway-commit";
const std::string kCommit(40, 'c');

void in_git(protocol::Assignment& a)
{
    a.git_url = "https://git.example/web";
    a.git_ref = "main";
    a.phases.insert(
        a.phases.begin(), {.name = "prepare", .before = {}, .commands = {"too old"}, .after = {}});
}

std::string value_in(const StartedCommand& command, const std::string& name)
{
    for (const auto& [key, value] : command.run.environment)
        if (key == name)
            return value;
    return "(absent)";
}

bool runs(const StartedCommand& command, std::string_view part)
{
    return command.run.argv.back().find(part) != std::string::npos;
}

} // namespace

TEST_CASE("sources in git are fetched by the first command, their commit is told, and given to what follows")
{
    House house;
    house.host.set_file(kCommitFile, kCommit + "\n");
    const auto id = house.add(StageKind::read, [&](auto& a) {
        in_git(a);
        a.files = {{.path = "source/own.conf", .content = "b3du", .blob = ""},
            {.path = "key", .content = "a2V5", .blob = ""}};
        a.manage_state = true;
        a.state_in = "state-3";
        a.state_maker = "01ARZ3NDEKTSV4RRFFQ69G5APL";
        a.state_fence = protocol::Fence::from_integer(2);
        house.backend.add_blob("state-3",
            sealed(
                {.pool = a.pool_id, .run = a.stack_id, .stage = a.state_maker, .fence = 2, .object = "state"},
                "{\"serial\":3}"));
    });
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::succeeded);
    CHECK(report.commit == kCommit);
    const auto started = house.host.started();
    REQUIRE(started.size() == 3);
    CHECK(started[0].run.directory == "/mnt/workspace");
    CHECK(runs(started[0], "url='https://git.example/web' ref='main' commit='' "));
    CHECK_FALSE(runs(started[0], "too old"));
    CHECK(value_in(started[0], "SPACELIFT_COMMIT_SHA") == "(absent)");
    CHECK(value_in(started[1], "SPACELIFT_COMMIT_SHA") == kCommit);
    CHECK(value_in(started[2], "TF_VAR_spacelift_commit_sha") == kCommit);
    // What has its place in the sources comes after them; what git needs, before.
    const auto puts = house.host.puts();
    const auto count = [&](std::string_view part) {
        return std::ranges::count_if(
            puts, [&](const auto& put) { return put.find(part) != std::string::npos; });
    };
    CHECK(count("own.conf") == 2);
    CHECK(count("terraform.tfstate") == 1);
    REQUIRE(puts.size() >= 2);
    CHECK(puts.back().find("terraform.tfstate") != std::string::npos);
    CHECK(puts[puts.size() - 2].find("key") == std::string::npos);
}

TEST_CASE("a launcher that is started again while sources are fetched goes on with them, and fetches once")
{
    House house;
    house.host.set_file(kCommitFile, kCommit);
    house.host.script(
        "url='https://git.example/web'", {.output = "fetching\n", .exit = {.code = 0}, .waits = true});
    const auto id = house.add(StageKind::read, in_git);
    REQUIRE(house.wait_started(1));
    house.leave();
    house.host.let_go();
    house.start();
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::succeeded);
    CHECK(report.commit == kCommit);
    CHECK(house.host.started().size() == 3);
}

TEST_CASE("a commit that the run is of already is fetched again, and a later stage fetches nothing")
{
    protocol::Assignment a;
    in_git(a);
    a.git_commit = kCommit;
    a.project_root = "in'fra";
    const auto units = units_of(a);
    REQUIRE(units.size() == 1);
    CHECK(units[0].name == "prepare");
    CHECK(units[0].commands[0].find("commit='" + kCommit + "' root='in'\\''fra' ") != std::string::npos);
    a.workspace_in = "workspace";
    CHECK_FALSE(fetches_sources(a));
    a.phases.clear();
    CHECK(units_of(a).empty());
}

TEST_CASE("what keeps sources from being fetched is told in words, and no command of the stack runs")
{
    House house;
    const auto [code, words] = GENERATE(table<int, std::string>({{41, "the image runner/x has no git"},
        {42, "could not be fetched from https://git.example/web"}, {43, "has no ref main"},
        {44, "has no directory infra"}, {45, "is empty"}, {128, "exit code 128"}}));
    house.host.script("https://git.example/web", {.output = "", .exit = {.code = code}});
    const auto report = house.finished(house.add(StageKind::read, [](auto& a) {
        in_git(a);
        a.image = "runner/x";
        a.project_root = "infra";
    }));
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.exit_code == code);
    CHECK(report.message.find(words) != std::string::npos);
    CHECK(report.commit.empty());
    CHECK(house.host.started().size() == 1);
}

TEST_CASE("a job that forges its commit fails itself")
{
    House house;
    house.host.set_file(kCommitFile, GENERATE("main\n", "../../etc", "CCCC"));
    const auto report = house.finished(house.add(StageKind::read, in_git));
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.message.find("holds no name of a commit") != std::string::npos);
    CHECK(house.host.started().size() == 1);
}

namespace {

void as_test(protocol::Assignment& a)
{
    a.stage_name = "test";
    a.run_type = "TESTING";
    a.phases.clear();
    for (const std::string name : {"init", "plan", "apply", "destroy"})
        a.phases.push_back({.name = name,
            .before = {},
            .commands = {name + "-it"},
            .after = {},
            .always = name == "destroy"});
    a.after_run = {"last-words"};
}

} // namespace

TEST_CASE("a test destroys what it made, whatever came of it, and nothing when it made nothing")
{
    House house;
    const auto [failing, expected] = GENERATE(table<std::string, std::vector<std::string>>(
        {{"none", {"init", "plan", "apply", "destroy", "last-words"}},
            {"plan", {"init", "plan", "destroy", "last-words"}},
            {"apply", {"init", "plan", "apply", "destroy", "last-words"}},
            {"destroy", {"init", "plan", "apply", "destroy", "last-words"}},
            {"init", {"init", "last-words"}}}));
    house.host.script(failing + "-it", {.output = "", .exit = {.code = 7}});
    const auto report = house.finished(house.add(StageKind::write, as_test));
    CHECK(report.outcome == (failing == "none" ? Outcome::succeeded : Outcome::failed));
    CHECK(report.exit_code == (failing == "none" ? 0 : 7));
    const auto started = house.host.started();
    REQUIRE(started.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(runs(started[i], expected[i]));
}

TEST_CASE("a test that is stopped destroys what it made, and has the time for it")
{
    House house;
    house.host.script("apply-it", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add(StageKind::write, as_test);
    REQUIRE(house.wait_started(3));
    house.backend.command(protocol::CommandKind::stop, id);
    const auto report = house.finished(id);
    CHECK(report.cause == "stopped");
    const auto started = house.host.started();
    REQUIRE(started.size() == 5);
    CHECK(runs(started[3], "destroy-it"));
    protocol::Assignment a;
    as_test(a);
    CHECK(bounds_of({.run = 600'000}, a).after == 600'000);
    CHECK(longest_run(bounds_of({.run = 600'000}, a)) > 1'200'000);
}
