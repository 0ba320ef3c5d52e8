#include "test/unit/mothership/control_desk.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using namespace std::chrono_literals;
namespace server = slipway::protocol::server;
using protocol::Outcome;
using server::Verdict;

namespace {

std::vector<std::string> states_of(ControlDesk& desk, const std::string& run)
{
    std::vector<std::string> states;
    for (const auto& entry :
        must(desk.plane->look([&](Transaction& records) { return records.history(run); })))
        states.emplace_back(to_string(entry.state));
    return states;
}

std::string last_note(ControlDesk& desk, const std::string& run)
{
    return must(desk.plane->look([&](Transaction& records) { return records.history(run); })).back().note;
}

} // namespace

TEST_CASE("a tracked run goes from the queue over the confirmation to its end")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    desk.act(id, confirm_run);
    const auto apply = desk.grant();
    REQUIRE(apply);
    const auto assignment
        = must(desk.plane->look([&](Transaction& records) { return assignment_of(records, *apply); }));
    CHECK(assignment.kind == protocol::StageKind::write);
    CHECK(assignment.workspace_in == "workspace");
    CHECK(assignment.workspace_maker == desk.stage(id, 0).id);
    CHECK(assignment.workspace_fence == desk.stage(id, 0).core.fence);
    CHECK(assignment.image_id == "sha256:image");
    desk.begin(*apply, "apply");
    desk.finish(*apply, Outcome::succeeded);
    CHECK(states_of(desk, id)
        == std::vector<std::string>{"QUEUED", "READY", "PREPARING", "PLANNING", "UNCONFIRMED", "CONFIRMED",
            "PREPARING_APPLY", "APPLYING", "FINISHED"});
}

TEST_CASE("a proposed run ends after its plan and keeps no workspace")
{
    ControlDesk desk;
    const auto id = desk.start_run(RunType::proposed);
    const auto stage = desk.grant();
    REQUIRE(stage);
    CHECK_FALSE(must(desk.plane->look([&](Transaction& records) {
        return assignment_of(records, *stage);
    })).keep_workspace);
    desk.begin(*stage, "plan");
    desk.finish(*stage, Outcome::succeeded);
    CHECK(desk.run(id).state == RunState::finished);
}

TEST_CASE("a stack that deploys by itself asks nobody")
{
    ControlDesk desk;
    desk.stack.spec.autodeploy = true;
    must(desk.plane->change_records([&](Work& work) { return work.records.put_stack(desk.stack); }));
    const auto id = desk.start_run();
    desk.plan(id);
    CHECK(desk.run(id).state == RunState::confirmed);
    CHECK(desk.grant());
}

TEST_CASE("one tracked run of a stack at a time, a proposed one need not wait")
{
    ControlDesk desk;
    const auto first = desk.start_run();
    const auto second = desk.start_run();
    const auto proposed = desk.start_run(RunType::proposed);
    CHECK(desk.run(first).state == RunState::ready);
    CHECK(desk.run(second).state == RunState::queued);
    CHECK(desk.waiting_for(second).find(first) != std::string::npos);
    CHECK(desk.run(proposed).state == RunState::ready);
    desk.plan(first);
    CHECK(desk.run(second).state == RunState::queued);
    desk.act(first, discard_run);
    CHECK(desk.run(second).state == RunState::ready);
}

TEST_CASE("the oldest stage is granted first")
{
    ControlDesk desk;
    const auto first = desk.start_run(RunType::proposed);
    const auto second = desk.start_run(RunType::proposed);
    CHECK(desk.grant()->run_id == first);
    CHECK(desk.grant()->run_id == second);
    CHECK_FALSE(desk.grant());
}

TEST_CASE("nothing runs until a pool is attached, and the run says so")
{
    ControlDesk desk;
    desk.stack.pool_id.clear();
    must(desk.plane->change_records([&](Work& work) { return work.records.put_stack(desk.stack); }));
    const auto id = desk.start_run();
    CHECK(desk.run(id).state == RunState::queued);
    CHECK(desk.waiting_for(id)
        == "no worker pool is attached to the stack: slipway stack attach web --pool <name>");
    CHECK_FALSE(desk.grant());
    desk.stack.pool_id = desk.pool_id;
    must(desk.plane->change_records([&](Work& work) -> Result<void> {
        SLIPWAY_TRY(work.records.put_stack(desk.stack));
        return schedule_stack(work, desk.stack.id);
    }));
    CHECK(desk.run(id).state == RunState::ready);
}

TEST_CASE("an offer that nobody answers goes to the next one with a higher fence")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto first = desk.grant();
    REQUIRE(first);
    CHECK_FALSE(desk.grant());
    desk.advance(16s);
    const auto second = desk.grant();
    REQUIRE(second);
    CHECK(second->core.fence > first->core.fence);
    CHECK(desk.apply(
              id, 0, server::Accept{.worker = desk.worker.id, .fence = first->core.fence, .run_limit = 1})
        == Verdict::gone);
    CHECK(desk.run(id).state == RunState::ready);
}

TEST_CASE("a plan whose worker is lost is granted three times, then the run fails with the cause")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    for (int attempt = 1; attempt <= 3; ++attempt) {
        const auto stage = desk.grant();
        REQUIRE(stage);
        desk.begin(*stage, "plan");
        CHECK(desk.run(id).state == RunState::planning);
        desk.advance(5min + 16s);
        CHECK(desk.stage(id).attempts == attempt);
    }
    CHECK(desk.run(id).state == RunState::failed);
    CHECK(desk.stage(id).cause == "lease");
    CHECK(last_note(desk, id).find("lease") != std::string::npos);
    CHECK_FALSE(desk.grant());
}

TEST_CASE("contact keeps a lease, so a long plan is not granted again")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant();
    REQUIRE(stage);
    desk.begin(*stage, "plan");
    for (int minute = 0; minute < 20; ++minute) {
        desk.advance(1min);
        REQUIRE(desk.apply(id, 0,
                    server::Renew{.worker = desk.worker.id, .fence = stage->core.fence, .started = true})
            == Verdict::ok);
    }
    CHECK(desk.stage(id).core.fence == stage->core.fence);
}

TEST_CASE("an apply that may have begun is never granted again: its loss fails the run")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    desk.act(id, confirm_run);
    const auto apply = desk.grant();
    REQUIRE(apply);
    desk.begin(*apply, "apply");
    SECTION("when its host restarted")
    {
        desk.apply(id, 1, server::HostRestarted{.worker = desk.worker.id});
        CHECK(desk.stage(id, 1).cause == "host restarted");
    }
    SECTION("when its run limit is over")
    {
        desk.advance(76s);
        CHECK(desk.stage(id, 1).cause == "run_limit");
        CHECK(desk.stage(id, 1).message.find("within the run limit") != std::string::npos);
    }
    CHECK(desk.run(id).state == RunState::failed);
    CHECK_FALSE(desk.grant());
}

TEST_CASE("an apply that was accepted and not begun may be granted again")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    desk.act(id, confirm_run);
    const auto apply = desk.grant();
    REQUIRE(apply);
    desk.accept(*apply);
    CHECK(desk.run(id).state == RunState::preparing_apply);
    desk.apply(id, 1, server::HostRestarted{.worker = desk.worker.id});
    CHECK(desk.run(id).state == RunState::confirmed);
    CHECK(desk.grant());
}

TEST_CASE("stopping before a worker has the run cancels it, afterwards the worker decides")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    SECTION("queued or offered")
    {
        CHECK(desk.grant());
        desk.act(id, stop_run);
        CHECK(desk.run(id).state == RunState::canceled);
        CHECK(desk.stage(id).core.phase == protocol::ServerPhase::finished);
    }
    SECTION("planning, and the worker stops")
    {
        const auto stage = desk.grant();
        desk.begin(*stage, "plan");
        desk.act(id, stop_run);
        CHECK(desk.run(id).state == RunState::planning);
        CHECK(desk.stage(id).core.stop_requested);
        desk.finish(*stage, Outcome::failed, "stopped");
        CHECK(desk.run(id).state == RunState::stopped);
    }
    SECTION("planning, and the worker is never heard of again")
    {
        const auto stage = desk.grant();
        desk.begin(*stage, "plan");
        desk.act(id, stop_run);
        desk.advance(5min + 16s);
        INFO(last_note(desk, id));
        CHECK(desk.run(id).state == RunState::stopped);
    }
    SECTION("accepted, and the worker asks whether it may begin")
    {
        const auto stage = desk.grant();
        desk.accept(*stage);
        desk.act(id, stop_run);
        CHECK(desk.apply(id, 0, server::Started{.worker = desk.worker.id, .fence = stage->core.fence})
            == Verdict::gone);
        CHECK(desk.run(id).state == RunState::stopped);
        CHECK(desk.stage(id).cause == "stopped");
        CHECK(desk.stage(id).message == "it was stopped before it began");
    }
    SECTION("planning, and the plan ends before the worker hears of it")
    {
        const auto stage = desk.grant();
        desk.begin(*stage, "plan");
        desk.act(id, stop_run);
        desk.finish(*stage, Outcome::succeeded);
        CHECK(desk.run(id).state == RunState::stopped);
        CHECK(last_note(desk, id).find("stopped on request") == 0);
    }
    SECTION("planned: that is discarded instead")
    {
        desk.plan(id);
        CHECK_THROWS_WITH(desk.act(id, stop_run), Catch::Contains("Discard"));
        desk.act(id, discard_run);
        CHECK(desk.run(id).state == RunState::discarded);
    }
}

TEST_CASE("a stack that deploys by itself does not apply what was stopped during its plan")
{
    ControlDesk desk;
    desk.stack.spec.autodeploy = true;
    must(desk.plane->change_records([&](Work& work) { return work.records.put_stack(desk.stack); }));
    const auto id = desk.start_run();
    const auto stage = desk.grant();
    desk.begin(*stage, "plan");
    desk.act(id, stop_run);
    desk.finish(*stage, Outcome::succeeded);
    CHECK(desk.run(id).state == RunState::stopped);
    CHECK_FALSE(desk.grant());
}

TEST_CASE("a worker that is drained or rests is granted nothing")
{
    ControlDesk desk;
    desk.start_run();
    desk.worker.drained = true;
    CHECK_FALSE(desk.grant());
    desk.worker.drained = false;
    desk.worker.rests_until = desk.plane->now() + 1000;
    CHECK_FALSE(desk.grant());
    desk.advance(1s);
    CHECK(desk.grant());
}

TEST_CASE("an end is taken with all that its report says, whatever its number")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant();
    desk.begin(*stage, "plan");
    const auto last = desk.stage(id).sequence;
    const protocol::StateReport report{.fence = stage->core.fence,
        .sequence = last,
        .event = protocol::StageEvent::finished,
        .outcome = Outcome::failed,
        .exit_code = 7,
        .cause = "exit"};
    CHECK(
        desk.apply(id, 0,
            server::Finish{.worker = desk.worker.id, .fence = stage->core.fence, .outcome = Outcome::failed},
            &report)
        == Verdict::ok);
    CHECK(desk.run(id).state == RunState::failed);
    CHECK(desk.stage(id).exit_code == 7);
    CHECK(desk.stage(id).cause == "exit");
    CHECK(desk.stage(id).sequence == last);
}

TEST_CASE("an apply is not stopped half way")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    desk.act(id, confirm_run);
    const auto apply = desk.grant();
    desk.begin(*apply, "apply");
    CHECK_THROWS_WITH(desk.act(id, stop_run), Catch::Contains("APPLYING"));
    CHECK_FALSE(desk.stage(id, 1).core.stop_requested);
}

TEST_CASE("a report that comes twice changes nothing the second time")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant();
    desk.begin(*stage, "plan");
    const protocol::StateReport report{.fence = stage->core.fence,
        .sequence = 9,
        .event = protocol::StageEvent::finished,
        .outcome = Outcome::succeeded,
        .exit_code = 0,
        .workspace = "workspace"};
    const server::Finish finish{
        .worker = desk.worker.id, .fence = stage->core.fence, .outcome = Outcome::succeeded};
    CHECK(desk.apply(id, 0, finish, &report) == Verdict::ok);
    const auto version = desk.run(id).version;
    CHECK(desk.apply(id, 0, finish, &report) == Verdict::ok);
    CHECK(desk.run(id).version == version);
    CHECK(desk.run(id).state == RunState::unconfirmed);
}

TEST_CASE("a plan that kept no workspace cannot be applied")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant();
    desk.begin(*stage, "plan");
    desk.report(
        *stage, {.event = protocol::StageEvent::finished, .outcome = Outcome::succeeded, .exit_code = 0});
    CHECK(desk.run(id).state == RunState::failed);
}

TEST_CASE("a restart in mid-run loses nothing")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant();
    desk.begin(*stage, "plan");
    desk.restart();
    CHECK(desk.run(id).state == RunState::planning);
    CHECK(desk.apply(
              id, 0, server::Renew{.worker = desk.worker.id, .fence = stage->core.fence, .started = true})
        == Verdict::ok);
    desk.finish(*stage, Outcome::succeeded);
    CHECK(desk.run(id).state == RunState::unconfirmed);
}

TEST_CASE("a run that waits says whether the workers of its pool are there")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    CHECK(desk.waiting_for(id) == "a free worker of pool demo (1 registered, 0 drained, 0 silent)");
    desk.advance(3min);
    CHECK(desk.waiting_for(id)
        == "a free worker of pool demo (1 registered, silent for 3m0s): start slipway-launcher again");
}
