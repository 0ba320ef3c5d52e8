#include "common/base64.h"
#include "crypto/envelope.h"
#include "mothership/retention.h"
#include "test/unit/mothership/control_desk.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using protocol::Outcome;

namespace {

std::vector<std::string> states_of(ControlDesk& desk, const std::string& run)
{
    std::vector<std::string> states;
    for (const auto& entry :
        must(desk.plane->look([&](Transaction& records) { return records.history(run); })))
        states.emplace_back(to_string(entry.state));
    return states;
}

std::string start(ControlDesk& desk, RunType type, const std::string& command = {})
{
    return must(desk.plane->change([&](Work& work) -> Result<std::string> {
        const auto current = SLIPWAY_TRY(work.records.stack(desk.stack.id));
        return SLIPWAY_TRY(create_run(work, *current, type, command)).id;
    }));
}

void change(ControlDesk& desk, const std::function<void(StackSpec&)>& edit)
{
    must(desk.plane->change_records([&](Work& work) -> Result<void> {
        auto stack = *SLIPWAY_TRY(work.records.stack(desk.stack.id));
        edit(stack.spec);
        return work.records.put_stack(stack);
    }));
}

protocol::Assignment assignment(ControlDesk& desk, const Stage& stage)
{
    return must(desk.plane->look([&](Transaction& records) { return assignment_of(records, stage); }));
}

std::vector<std::string> phases_of(const protocol::Assignment& a)
{
    std::vector<std::string> names;
    for (const auto& phase : a.phases)
        names.push_back(phase.name);
    return names;
}

StateVersion add_state(ControlDesk& desk, const Stage& stage, const std::string& file)
{
    return must(desk.plane->change([&](Work& work) -> Result<StateVersion> {
        StateVersion state{.stack_id = desk.stack.id,
            .pool_id = desk.pool_id,
            .run_id = stage.run_id,
            .stage_id = stage.id,
            .fence = stage.core.fence,
            .file = file,
            .size = 1,
            .created_ms = 1};
        SLIPWAY_TRY(work.records.add_state(state));
        return state;
    }));
}

std::string sealed_as(const std::string& pool, const std::string& name)
{
    static const auto key = must(crypto::PrivateKey::generate(2048));
    SystemRandom random;
    crypto::EnvelopeContext context;
    context.pool = pool;
    context.object = name;
    return base64_encode(must(crypto::seal_small(
        "value", {.context = context, .recipients = {key.public_key()}, .maker = {}}, random)));
}

} // namespace

TEST_CASE("a task is one stage that writes: it runs init and its command, and nothing else of the stack")
{
    ControlDesk desk;
    change(desk, [](StackSpec& spec) {
        spec.phases["init"] = {"init"};
        spec.hooks["before_perform"] = {"before"};
        spec.hooks["after_run"] = {"after"};
    });
    const auto id = start(desk, RunType::task, "tofu state list");
    const auto stage = desk.grant();
    REQUIRE(stage);
    CHECK(stage->name == "perform");
    const auto a = assignment(desk, *stage);
    CHECK(a.kind == protocol::StageKind::write);
    CHECK(phases_of(a) == std::vector<std::string>{"init", "perform"});
    CHECK(a.phases[1].before == std::vector<std::string>{"before"});
    CHECK(a.phases[1].commands == std::vector<std::string>{"tofu state list"});
    CHECK(a.after_run == std::vector<std::string>{"after"});
    CHECK_FALSE(a.keep_workspace);
    desk.begin(*stage, "init");
    desk.report(*stage, {.event = protocol::StageEvent::phase, .phase = "perform"});
    desk.finish(*stage, Outcome::succeeded);
    CHECK(states_of(desk, id)
        == std::vector<std::string>{
            "QUEUED", "READY", "PREPARING", "INITIALIZING", "PERFORMING", "FINISHED"});
    // Its command is its own: the stack has none.
    const auto stack = must(desk.plane->look([](Transaction& records) { return records.stack("web"); }));
    CHECK_FALSE(stack->spec.phases.contains("perform"));
}

TEST_CASE("a task whose phases' reports were lost ends all the same")
{
    ControlDesk desk;
    const auto id = start(desk, RunType::task, "true");
    const auto stage = desk.grant();
    REQUIRE(stage);
    desk.accept(*stage);
    desk.report(*stage, {.event = protocol::StageEvent::started});
    desk.finish(*stage, Outcome::succeeded);
    CHECK(states_of(desk, id).back() == "FINISHED");
}

TEST_CASE("a run that destroys needs destroy commands, and is one stage that writes")
{
    ControlDesk desk;
    const auto refused
        = desk.plane->change([&](Work& work) { return create_run(work, desk.stack, RunType::destroy); });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("--destroy") != std::string::npos);
    change(desk, [](StackSpec& spec) { spec.phases["destroy"] = {"destroy it"}; });
    const auto id = start(desk, RunType::destroy);
    const auto stage = desk.grant();
    REQUIRE(stage);
    CHECK(phases_of(assignment(desk, *stage)) == std::vector<std::string>{"destroy"});
    desk.begin(*stage, "destroy");
    CHECK(desk.run(id).state == RunState::destroying);
    desk.finish(*stage, Outcome::succeeded);
    CHECK(states_of(desk, id).back() == "FINISHED");
}

TEST_CASE("tasks and tracked runs of a stack go one at a time")
{
    ControlDesk desk;
    const auto task = start(desk, RunType::task, "true");
    const auto tracked = desk.start_run();
    CHECK(desk.run(task).state == RunState::ready);
    CHECK(desk.run(tracked).state == RunState::queued);
}

TEST_CASE("what is sealed is handed on as it came, and for its own pool and name only")
{
    ControlDesk desk;
    const auto spec_of = [](const std::string& json) { return read_stack_spec(json); };
    const std::string pool = desk.pool_id;
    const auto json = [&](const std::string& name, const std::string& value) {
        return R"({"sealed_for":")" + pool + R"(","sealed_environment":{")" + name + R"(":")" + value
            + R"("}})";
    };
    const auto good = spec_of(json("TOKEN", sealed_as(pool, "TOKEN")));
    REQUIRE(good);
    CHECK(good->has_sealed());
    CHECK(read_stack_spec(to_json(*good))->sealed_environment == good->sealed_environment);
    CHECK_FALSE(spec_of(json("OTHER", sealed_as(pool, "TOKEN"))));
    CHECK_FALSE(spec_of(json("TOKEN", sealed_as("another pool", "TOKEN"))));
    CHECK_FALSE(spec_of(json("TOKEN", "cGxhaW4=")));

    change(desk, [&](StackSpec& spec) {
        spec.sealed_environment = good->sealed_environment;
        spec.sealed_for = pool;
        spec.files = {{.path = "keys/a", .mode = 0600, .sealed = true, .version = 7, .size = 9}};
    });
    desk.start_run();
    const auto stage = desk.grant();
    REQUIRE(stage);
    const auto a = assignment(desk, *stage);
    REQUIRE(a.variables.size() == 1);
    CHECK(a.variables[0].sealed);
    CHECK(a.variables[0].secret);
    CHECK(a.variables[0].value == good->sealed_environment[0].second);
    REQUIRE(a.files.size() == 1);
    CHECK(a.files[0].blob == "file-7");
    CHECK(a.files[0].mode == 0600);
    auto moved = desk.stack;
    moved.spec.files = {{.path = "keys/a", .sealed = true}};
    moved.spec.sealed_for = pool;
    CHECK(check_sealed_for(moved));
    moved.pool_id = "another";
    CHECK_FALSE(check_sealed_for(moved));
    CHECK(check_sealed_for(moved).error().message().find("keys/a") != std::string::npos);
}

TEST_CASE("a mounted file stays in the workspace")
{
    for (const auto* good : {"a", "a/b.txt", ".netrc", "source/x"})
        CHECK(check_file_path(good));
    for (const std::string bad : {"", "/etc/passwd", "../a", "a/../../b", "a/", "."})
        CHECK_FALSE(check_file_path(bad));
    CHECK_FALSE(check_file_path(std::string(100, 'a')));
    CHECK_FALSE(check_file_path(std::string_view{"a\0b", 3}));
}

TEST_CASE("the newest state goes to the first stage of each run of a stack that has its state kept")
{
    ControlDesk desk;
    change(desk, [](StackSpec& spec) { spec.workflow = "opentofu", spec.manage_state = true; });
    const auto first = desk.start_run();
    auto plan = desk.grant();
    REQUIRE(plan);
    auto a = assignment(desk, *plan);
    CHECK(a.manage_state);
    CHECK(a.workflow == "opentofu");
    CHECK(a.state_in.empty());
    desk.begin(*plan, "plan");
    desk.finish(*plan, Outcome::succeeded);
    desk.act(first, confirm_run);
    const auto apply = desk.grant();
    REQUIRE(apply);
    CHECK(add_state(desk, *apply, "f1").version == 1);
    CHECK(add_state(desk, *apply, "f2").version == 2);
    desk.begin(*apply, "apply");
    desk.finish(*apply, Outcome::succeeded);

    const auto second = desk.start_run();
    plan = desk.grant();
    REQUIRE(plan);
    a = assignment(desk, *plan);
    CHECK(a.state_in == "state-2");
    CHECK(a.state_maker == apply->id);
    CHECK(a.state_fence == apply->core.fence);
    desk.begin(*plan, "plan");
    desk.finish(*plan, Outcome::succeeded);
    desk.act(second, confirm_run);
    const auto again = desk.grant();
    REQUIRE(again);
    CHECK(assignment(desk, *again).state_in.empty()); // it is in the workspace of the plan
}

TEST_CASE("of a state the newest versions stay, and a file goes with the last that has it")
{
    ControlDesk desk;
    desk.start_run();
    const auto stage = desk.grant();
    REQUIRE(stage);
    for (const auto* file : {"a", "b", "a", "c"})
        add_state(desk, *stage, file);
    const auto drop = [&](int kept) {
        return must(desk.plane->change([&](Work& work) { return work.records.drop_states(kept); }));
    };
    CHECK(drop(3).empty()); // version 1, whose file version 3 has
    CHECK(drop(2) == std::vector<std::string>{"b"});
    CHECK(must(desk.plane->look([](Transaction& records) { return records.states("web"); })).size() == 2);
}

TEST_CASE("the content of a file stays as long as its stack or a run that goes on refers to it")
{
    ControlDesk desk;
    const auto add = [&](const std::string& file) {
        return must(desk.plane->change([&](Work& work) { return work.records.add_stack_file("web", file); }));
    };
    const auto drop = [&] {
        return must(desk.plane->change([&](Work& work) { return work.records.drop_stack_files(); }));
    };
    const auto set = [&](std::int64_t version) {
        change(desk, [&](StackSpec& spec) { spec.files = {{.path = "a", .version = version}}; });
    };
    set(add("old"));
    const auto run = desk.start_run();
    set(add("new"));
    CHECK(drop().empty());
    desk.act(run, discard_run);
    CHECK(drop() == std::vector<std::string>{"old"});
    CHECK(must(desk.plane->look([](Transaction& records) { return records.blob_files(); }))
        == std::vector<std::string>{"new"});
}

TEST_CASE("a list of runs comes without their specifications")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto runs = must(desk.plane->look([](Transaction& records) { return records.runs("web", 10); }));
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].id == id);
    CHECK(runs[0].spec.phases.empty());
    CHECK(desk.run(id).spec.phases.size() == 2);
}

TEST_CASE("the commit that a worker told first is the run's: a plan that is granted again fetches that one")
{
    ControlDesk desk;
    change(desk, [](StackSpec& spec) { spec.git_url = "https://git.example/web"; });
    const std::string told(40, 'a');
    const auto id = desk.start_run();
    auto stage = desk.grant();
    REQUIRE(stage);
    auto a = assignment(desk, *stage);
    CHECK(a.git_url == "https://git.example/web");
    CHECK(a.git_commit.empty());
    CHECK(a.source_blob.empty());
    CHECK(phases_of(a) == std::vector<std::string>{"prepare", "plan"});
    desk.accept(*stage);
    desk.report(*stage, {.event = protocol::StageEvent::started});
    desk.report(*stage, {.event = protocol::StageEvent::phase, .phase = "prepare"});
    CHECK(desk.run(id).state == RunState::preparing);
    desk.report(*stage, {.event = protocol::StageEvent::phase, .phase = "plan", .commit = told});
    CHECK(desk.run(id).commit == told);
    desk.finish(*stage, Outcome::lost, "lost");
    stage = desk.grant();
    REQUIRE(stage);
    CHECK(assignment(desk, *stage).git_commit == told);
    desk.begin(*stage, "plan");
    desk.report(
        *stage, {.event = protocol::StageEvent::phase, .phase = "plan", .commit = std::string(40, 'b')});
    CHECK(desk.run(id).commit == told);
    desk.finish(*stage, Outcome::succeeded);
    desk.act(id, confirm_run);
    const auto apply = desk.grant();
    REQUIRE(apply);
    a = assignment(desk, *apply);
    CHECK(phases_of(a) == std::vector<std::string>{"apply"});
    CHECK(a.git_commit == told);
    desk.restart();
    CHECK(desk.run(id).commit == told);
}

TEST_CASE("a module is tested and nothing else: one stage that writes plans, applies, and always destroys")
{
    ControlDesk desk;
    const auto refused = [&](RunType type) {
        const auto made = desk.plane->change([&](Work& work) -> Result<std::string> {
            const auto stack = SLIPWAY_TRY(work.records.stack(desk.stack.id));
            return SLIPWAY_TRY(create_run(work, *stack, type)).id;
        });
        return made ? "" : made.error().message();
    };
    CHECK(refused(RunType::testing).find("is no module") != std::string::npos);
    must(desk.plane->change_records([&](Work& work) -> Result<void> {
        Stack module = desk.stack;
        module.id = "vpc";
        module.name = "vpc";
        module.kind = StackKind::module;
        return work.records.add_stack(module);
    }));
    desk.stack.id = "vpc";
    desk.restart();
    CHECK(refused(RunType::tracked).find("slipway module test vpc") != std::string::npos);
    CHECK(refused(RunType::testing).find("--destroy") != std::string::npos);
    change(desk, [](StackSpec& spec) {
        spec.phases["init"] = {"init"};
        spec.phases["destroy"] = {"destroy"};
    });
    const auto id = start(desk, RunType::testing);
    const auto stage = desk.grant();
    REQUIRE(stage);
    const auto a = assignment(desk, *stage);
    CHECK(a.kind == protocol::StageKind::write);
    CHECK(a.run_type == "TESTING");
    CHECK(a.stage_name == "test");
    CHECK(phases_of(a) == std::vector<std::string>{"init", "plan", "apply", "destroy"});
    CHECK(a.phases[3].always);
    CHECK_FALSE(a.phases[2].always);
    CHECK_FALSE(a.keep_workspace);
    desk.begin(*stage, "init");
    for (const std::string phase : {"plan", "apply", "destroy"})
        desk.report(*stage, {.event = protocol::StageEvent::phase, .phase = phase});
    desk.finish(*stage, Outcome::succeeded);
    CHECK(states_of(desk, id)
        == std::vector<std::string>{"QUEUED", "READY", "PREPARING", "INITIALIZING", "PLANNING", "APPLYING",
            "DESTROYING", "FINISHED"});

    // Reports of phases may be lost.
    const auto other = start(desk, RunType::testing);
    const auto second = desk.grant();
    REQUIRE(second);
    desk.accept(*second);
    desk.report(*second, {.event = protocol::StageEvent::started});
    desk.finish(*second, Outcome::succeeded);
    CHECK(desk.run(other).state == RunState::finished);
}
