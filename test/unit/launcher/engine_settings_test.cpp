#include "common/file.h"
#include "launcher/file_tar.h"
#include "launcher/job_settings.h"
#include "launcher/limits.h"
#include "launcher/stage_end.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

protocol::Assignment plan()
{
    protocol::Assignment a;
    a.run_id = "R";
    a.stack_id = "web";
    a.stage_name = "plan";
    a.run_type = "TRACKED";
    a.phases = {{.name = "init", .before = {}, .commands = {" "}, .after = {}},
        {.name = "plan", .before = {"b1", "b2"}, .commands = {"c"}, .after = {"a"}}};
    a.after_run = {"hook"};
    return a;
}

std::string value(const std::vector<std::pair<std::string, std::string>>& pairs, const std::string& name)
{
    const auto it
        = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
    return it == pairs.end() ? "(absent)" : it->second;
}

/// What a POSIX shell makes of a unit: its output, then its code.
std::string run_unit(const std::vector<std::string>& commands)
{
    const auto script = script_of({.name = "plan", .commands = commands}, {{"FACT", "it's"}});
    return run_program({"/bin/sh", "-c", "(eval \"$0\"); echo =$?", script}).value_or("(failed)");
}

} // namespace

TEST_CASE("units are the phases with a command, and the last hooks")
{
    const auto units = units_of(plan());
    REQUIRE(units.size() == 2);
    CHECK(units[0].commands == std::vector<std::string>{"b1", "b2", "c", "a"});
    CHECK(units[1].after_run);
    CHECK(next_unit(units, 0, false) == 1);
    CHECK(next_unit(units, 1, false) == 2);
    CHECK(next_unit(units, 1, true) == 2);
    CHECK(next_unit(units, 2, false) == 0);
    CHECK(next_unit(units, 0, true) == 2);
}

TEST_CASE("a stack switches a phase off: neither its command nor its hooks run, and the log says so")
{
    auto a = plan();
    a.variables = {{.name = "SPACELIFT_SKIP_PLANNING", .value = "true"}};
    const auto units = units_of(a);
    REQUIRE(units.size() == 2);
    CHECK(units[0].name == "plan");
    CHECK(units[0].commands.empty());
    CHECK(head_of(units[0], false)
        == "[slipway] plan: skipped, since the stack sets SPACELIFT_SKIP_PLANNING\n");
    CHECK(run_unit({}) == "=0\n");
    a.variables[0].value = "false";
    CHECK(units_of(a)[0].commands.size() == 4);
    a.variables = {{.name = "SPACELIFT_SKIP_APPLYING", .value = "true"}};
    CHECK(units_of(a)[0].commands.size() == 4);
}

TEST_CASE("a unit's commands are one shell session that ends with the first failure")
{
    CHECK(run_unit({"x=1", "echo $x; echo two"}) == "1\ntwo\n=0\n");
    CHECK(run_unit({"echo a", "false", "echo b"}) == "a\n=1\n");
    CHECK(run_unit({"exit 7", "echo b"}) == "=7\n");
    CHECK(run_unit({"# a comment alone", "echo b # and one at the end", "echo c"}) == "b\nc\n=0\n");
    CHECK(run_unit({"echo \"$FACT\""}) == "it's\n=0\n");
    CHECK(run_unit({"cd /", "pwd"}) == "/\n=0\n");
}

TEST_CASE("a project root stays within the sources")
{
    auto a = plan();
    CHECK(directory_of(a).value_or("") == "/mnt/workspace/source");
    a.project_root = "infra/./prod/";
    CHECK(directory_of(a).value_or("") == "/mnt/workspace/source/infra/prod");
    for (const std::string bad : {"..", "a/../../b", "/etc"}) {
        a.project_root = bad;
        CHECK_FALSE(directory_of(a));
    }
}

TEST_CASE(
    "a job sees allowed variables of its stage's class, its own, and the facts of the run, in that order")
{
    auto a = plan();
    a.variables = {{.name = "B", .value = "stack"}, {.name = "S", .value = "x", .sealed = true},
        {.name = "TF_VAR_spacelift_run_id", .value = "forged"}};
    const std::vector<PassedVariable> passed{{.name = "A", .value = "1"}, {.name = "B", .value = "launcher"},
        {.name = "RO", .value = "r", .stages = StageClass::read},
        {.name = "WO", .value = "w", .stages = StageClass::write}};
    const auto facts = run_facts(a, units_of(a)[0], {});
    const OpenValue open
        = [](const protocol::Variable& v) -> Result<Secret> { return Secret{"opened " + v.value}; };
    const auto environment = environment_of(a, passed, facts, open);
    REQUIRE(environment);
    CHECK(value(*environment, "A") == "1");
    CHECK(value(*environment, "B") == "stack");
    CHECK(value(*environment, "S") == "opened x");
    CHECK(value(*environment, "RO") == "r");
    CHECK(value(*environment, "WO") == "(absent)");
    CHECK(value(*environment, "TF_VAR_spacelift_run_id") == "R");
    CHECK(value(*environment, "SPACELIFT_RUN_STATE") == "PLANNING");
    a.stage_name = "apply";
    const auto apply = environment_of(a, passed, facts, open);
    REQUIRE(apply);
    CHECK(value(*apply, "RO") == "(absent)");
    CHECK(value(*apply, "WO") == "w");
    const StageEnd failed{.outcome = protocol::Outcome::failed,
        .exit_code = 1,
        .cause = "exit",
        .message = "",
        .workspace = ""};
    CHECK(
        value(run_facts(a, units_of(a)[1], {.end = failed}), "TF_VAR_spacelift_final_run_state") == "FAILED");
}

TEST_CASE("an assignment may shorten the launcher's limits and never lengthen them")
{
    auto a = plan();
    const Limits limits{.run = 1000, .silence = 500, .grace = 10, .write_grace = 20};
    CHECK(bounds_of(limits, a).run == 1000);
    a.limits = {.run = 700, .silence = 900};
    a.kind = protocol::StageKind::write;
    const auto bounds = bounds_of(limits, a);
    CHECK(bounds.run == 700);
    CHECK(bounds.silence == 500);
    CHECK(bounds.grace == 20);
    // A stage that runs into its limit, and then its last hooks into theirs.
    CHECK(longest_run(bounds) >= 700 + 2 * (20 + kTermToKill) + kLastWords);
}

TEST_CASE("an end is told with its cause and in words")
{
    auto a = plan();
    a.limits.memory_bytes = 64 * 1024 * 1024;
    const StageBounds bounds{.run = 60'000, .silence = 30'000, .grace = 1};
    const auto told = [&](SlotExit exit) { return end_of("plan", exit, a, bounds); };
    CHECK(told({.code = 0}).outcome == protocol::Outcome::none);
    CHECK(told({.code = 3}).message.find("exit code 3") != std::string::npos);
    CHECK(told({.code = 127}).message.find("a command was not found in its image") != std::string::npos);
    CHECK(told({.code = 137, .signal = 9}).message.find("SIGKILL") != std::string::npos);
    CHECK(told({.code = 137, .signal = 9, .oom = true}).cause == "oom");
    CHECK(told({.code = 137, .signal = 9, .oom = true}).message.find("64 MiB") != std::string::npos);
    CHECK(told({.code = 130, .by = EndedBy::run_limit}).message.find("1m0s") != std::string::npos);
    CHECK(told({.code = 130, .by = EndedBy::silence_limit}).cause == "silence_limit");
    CHECK(told({.code = 0, .by = EndedBy::stop}).cause == "stopped");
    CHECK(told({.code = 0, .by = EndedBy::lease}).outcome == protocol::Outcome::lost);
}

TEST_CASE("mounted files become an archive that tar reads, and none of them leaves the workspace")
{
    const TempDir directory;
    const auto tar = make_tar({{.path = "a/b.txt", .content = "hello", .mode = 0640},
        {.path = "c", .content = std::string(1000, 'z')}});
    REQUIRE(tar);
    REQUIRE(replace_file(directory.path() / "t.tar", *tar));
    REQUIRE(run_program({"tar", "-xf", "t.tar"}, directory.path()));
    CHECK(read_file(directory.path() / "a/b.txt", 100).value_or("") == "hello");
    CHECK(read_file(directory.path() / "c", 10000).value_or("") == std::string(1000, 'z'));
    for (const std::string bad : {"/etc/passwd", "../x", "a/../../x", "", ".", "a/"})
        CHECK_FALSE(make_tar({{.path = bad, .content = ""}}));
}
