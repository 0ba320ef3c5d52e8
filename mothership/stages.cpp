#include "mothership/stages.h"

#include "mothership/runs.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace slipway::mothership {

namespace {

namespace server = protocol::server;
using protocol::Outcome;
using protocol::ServerPhase;
using protocol::StageEvent;
using protocol::StageKind;

constexpr std::string_view kStoppedCause = "stopped";

/// What is said of a stage when `event` takes it from its worker without the worker having reported its end.
std::pair<std::string, std::string> loss_of(
    const server::Event& event, const std::string& worker, bool run_limit_over)
{
    if (std::holds_alternative<server::HostRestarted>(event))
        return {"host restarted", "worker " + worker + " came back after a restart of its host"};
    if (std::holds_alternative<server::DeclareLost>(event))
        return {"declared lost", "an operator declared worker " + worker + " lost"};
    if (std::holds_alternative<server::StoreRestored>(event))
        return {"store restored",
            "the store was restored from a backup while worker " + worker + " had the stage"};
    if (std::holds_alternative<server::Decline>(event))
        return {"", "worker " + worker + " declined"};
    if (std::holds_alternative<server::Started>(event))
        return {std::string{kStoppedCause}, "it was stopped before it began"};
    if (run_limit_over)
        return {"run_limit", "worker " + worker + " did not report its end within the run limit"};
    return {"lease", "worker " + worker + " was not heard of until the time of the stage was over"};
}

bool had_worker(ServerPhase phase) { return phase == ServerPhase::accepted || phase == ServerPhase::started; }

bool holds(ServerPhase phase) { return phase == ServerPhase::offered || had_worker(phase); }

/// A new grant begins: what the last one reported is no longer true.
void forget_reports(Stage& stage)
{
    stage.sequence = -1;
    stage.phase.clear();
    stage.exit_code = -1;
    stage.cause.clear();
    stage.workspace.clear();
}

void take_report(Stage& stage, const protocol::StateReport& report)
{
    stage.sequence = std::max(stage.sequence, report.sequence);
    if (report.event == StageEvent::phase)
        stage.phase = report.phase;
    if (report.event == StageEvent::started && !report.image_id.empty())
        stage.image_id = report.image_id;
    if (report.event != StageEvent::finished)
        return;
    stage.exit_code = report.exit_code;
    stage.cause = report.cause;
    stage.message = report.message;
    stage.workspace = report.workspace;
}

Result<void> fail_run(Work& work, Run& run, const Stage& stage)
{
    const bool stopped = stage.core.stop_requested && stage.cause == kStoppedCause;
    const RunEvent event = stopped && next_state(run.state, RunEvent::stop) ? RunEvent::stop : RunEvent::fail;
    std::string note = stage.name + ": " + (stage.cause.empty() ? "failed" : stage.cause);
    if (!stage.message.empty())
        note += ": " + stage.message;
    return fire(work, run, event, note);
}

Result<void> plan_succeeded(Work& work, Run& run, const Stage& stage)
{
    run.timeline.planned_ms = work.wall_ms;
    if (stage.core.stop_requested && next_state(run.state, RunEvent::stop))
        return fire(work, run, RunEvent::stop, "stopped on request; the plan had ended already");
    if (next_state(run.state, RunEvent::plan)) // the report of the phase was lost with its worker's journal
        SLIPWAY_TRY(fire(work, run, RunEvent::plan));
    if (run.type == RunType::proposed)
        return fire(work, run, RunEvent::finish);
    if (!run.spec.phases.contains("apply"))
        return fire(work, run, RunEvent::finish, "the stack has no apply commands");
    if (stage.workspace.empty())
        return fire(work, run, RunEvent::fail, "plan: the worker kept no workspace that could be applied");
    if (!run.spec.autodeploy)
        return fire(work, run, RunEvent::ask_confirmation);
    run.timeline.confirmed_ms = work.wall_ms;
    SLIPWAY_TRY(fire(work, run, RunEvent::auto_confirm, "the stack deploys by itself"));
    return add_apply_stage(work, run, stage);
}

Result<void> phase_reported(Work& work, Run& run, std::string_view phase)
{
    constexpr std::array<std::pair<std::string_view, RunEvent>, 6> kEvents{
        {{"init", RunEvent::initialize}, {"plan", RunEvent::plan}, {"apply", RunEvent::apply},
            {"destroy", RunEvent::destroy}, {"perform", RunEvent::perform}, {"testing", RunEvent::perform}}};
    for (const auto& [name, event] : kEvents)
        if (name == phase && next_state(run.state, event))
            return fire(work, run, event);
    return {};
}

/// The first commit that a worker tells is the run's: what is granted again fetches that one.
Result<void> note_commit(Work& work, Run& run, const protocol::StateReport& report)
{
    if (report.commit.empty() || !run.commit.empty() || run.spec.git_url.empty())
        return {};
    run.commit = report.commit;
    return work.records.update_run(run);
}

Result<void> stage_ended(Work& work, Run& run, const Stage& stage)
{
    if (stage.core.outcome != Outcome::succeeded)
        return fail_run(work, run, stage);
    if (next_state(run.state, RunEvent::prepare)) // the store forgot in a restore that a worker had it
        SLIPWAY_TRY(fire(work, run, RunEvent::prepare));
    if (stage.core.kind == StageKind::read)
        return plan_succeeded(work, run, stage);
    run.timeline.applied_ms = work.wall_ms;
    SLIPWAY_TRY(
        phase_reported(work, run, run.type == RunType::testing ? "plan" : stage.name)); // it may be lost
    return fire(work, run, RunEvent::finish);
}

/// The run fails with the cause of the last loss, and the stage is not granted again.
Result<void> give_up(Work& work, Run& run, Stage& stage)
{
    SLIPWAY_TRY(fail_run(work, run, stage));
    SLIPWAY_TRY(apply_event(work, stage, server::Cancel{}));
    return {};
}

/// A stage that nobody has any more goes back to the queue, unless it has been lost too often.
Result<void> stage_given_back(Work& work, Run& run, Stage& stage, ServerPhase before)
{
    work.wake(pool_topic(stage.pool_id));
    const bool lost = before == ServerPhase::started || (had_worker(before) && !stage.cause.empty());
    if (lost && stage.attempts >= kMaxAttempts)
        return give_up(work, run, stage);
    if (had_worker(before) && next_state(run.state, RunEvent::requeue))
        return fire(work, run, RunEvent::requeue, stage.message);
    return work.records.update_run(run);
}

/// What the change of a stage means for its run.
Result<void> follow(Work& work, Stage& stage, ServerPhase before, const protocol::StateReport* report)
{
    auto found = SLIPWAY_TRY(work.records.run(stage.run_id));
    if (!found || is_terminal(found->state))
        return {};
    Run& run = *found;
    if (report)
        SLIPWAY_TRY(note_commit(work, run, *report));
    const ServerPhase after = stage.core.phase;
    const bool reported_phase = report && report->event == StageEvent::phase;
    if (after == before)
        return reported_phase ? phase_reported(work, run, report->phase) : Result<void>{};
    work.wake(run_topic(run.id));
    if (had_worker(after) && !had_worker(before)) {
        if (run.timeline.picked_up_ms == 0)
            run.timeline.picked_up_ms = work.wall_ms;
        if (next_state(run.state, RunEvent::prepare))
            SLIPWAY_TRY(fire(work, run, RunEvent::prepare, "worker " + stage.core.holder));
    }
    switch (after) {
    case ServerPhase::waiting:
        return stage_given_back(work, run, stage, before);
    case ServerPhase::offered:
    case ServerPhase::accepted:
        return {};
    case ServerPhase::started:
        if (run.timeline.started_ms == 0)
            run.timeline.started_ms = work.wall_ms;
        SLIPWAY_TRY(work.records.update_run(run));
        return reported_phase ? phase_reported(work, run, report->phase) : Result<void>{};
    case ServerPhase::finished:
        return stage_ended(work, run, stage);
    case ServerPhase::lost:
        return fail_run(work, run, stage);
    }
    return {};
}

/// Facts beside the core's that follow from its step.
Result<void> note_step(
    Work& work, Stage& stage, const protocol::ServerStage& before, const server::Event& event)
{
    const auto& after = stage.core;
    if (after.fence != before.fence) {
        forget_reports(stage);
        if (!SLIPWAY_TRY(work.records.attempt(stage.id, after.fence)))
            SLIPWAY_TRY(work.records.add_attempt({.stage_id = stage.id,
                .fence = after.fence,
                .run_id = stage.run_id,
                .worker_id = after.holder,
                .granted_ms = work.wall_ms,
                .log_end = 0}));
    }
    const bool same_grant = after.fence == before.fence;
    if (had_worker(after.phase) && !(had_worker(before.phase) && same_grant)) {
        ++stage.attempts;
        stage.message.clear();
    }
    const bool reported = std::holds_alternative<server::Finish>(event);
    if (holds(before.phase) && !holds(after.phase) && !reported) {
        if (had_worker(before.phase))
            std::tie(stage.cause, stage.message)
                = loss_of(event, before.holder, after.phase == ServerPhase::lost && before.run_limit > 0);
        work.wake(worker_topic(before.holder));
    }
    const bool cancelled
        = after.phase == ServerPhase::finished && before.phase != ServerPhase::finished && !reported;
    if (cancelled && (before.stop_requested || stage.cause.empty()))
        stage.cause = kStoppedCause;
    if (std::holds_alternative<server::Cancel>(event))
        work.wake(worker_topic(before.holder));
    return {};
}

} // namespace

Result<server::Step> apply_event(
    Work& work, Stage& stage, const server::Event& event, const protocol::StateReport* report)
{
    const protocol::ServerStage before = stage.core;
    server::Step step = server::step(before, event, work.now, work.terms);
    if (step.alarm)
        work.alarms.push_back("stage " + stage.id
            + ": a worker shows a grant that this store never made: the store went back in time. The stage "
              "is held: when what runs has ended, look at it, then slipway run release "
            + stage.run_id);
    const bool ok = step.verdict == server::Verdict::ok;
    // Nothing is written for a renewal that changes nothing.
    const bool acts = report || !std::holds_alternative<server::Renew>(event);
    if (step.state == before && !(ok && acts))
        return step;
    stage.core = step.state;
    SLIPWAY_TRY(note_step(work, stage, before, event));
    // An end that is taken is news whatever its number: it is never taken without its report.
    const bool ends = std::holds_alternative<server::Finish>(event) && stage.core.phase != before.phase;
    if (ok && report && (ends || report->sequence > stage.sequence))
        take_report(stage, *report);
    else
        report = nullptr;
    SLIPWAY_TRY(work.records.update_stage(stage));
    SLIPWAY_TRY(follow(work, stage, before.phase, report));
    return step;
}

Result<std::optional<Stage>> grant_next(Work& work, const Worker& worker)
{
    if (worker.drained || work.now < worker.rests_until)
        return std::optional<Stage>{};
    auto stage = SLIPWAY_TRY(work.records.grantable_stage(worker.pool_id, work.now));
    if (!stage)
        return std::optional<Stage>{};
    const auto meta = SLIPWAY_TRY(work.records.meta());
    const auto step
        = SLIPWAY_TRY(apply_event(work, *stage, server::Grant{.worker = worker.id, .epoch = meta.epoch}));
    if (step.verdict != server::Verdict::ok)
        return std::optional<Stage>{};
    return stage;
}

} // namespace slipway::mothership
