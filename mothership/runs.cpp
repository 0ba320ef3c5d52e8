#include "mothership/runs.h"

#include "common/duration.h"
#include "mothership/control_plane.h"
#include "mothership/stages.h"

#include <algorithm>

namespace slipway::mothership {

namespace {

using protocol::StageKind;

constexpr std::string_view kPlan = "plan";
constexpr std::string_view kApply = "apply";
constexpr std::string_view kPerform = "perform";
constexpr std::string_view kDestroy = "destroy";
constexpr std::string_view kTest = "test";

/// The first stage of a run. Tasks, destructions and tests are one stage, which writes.
std::string_view first_stage(RunType type)
{
    if (type == RunType::task)
        return kPerform;
    if (type == RunType::testing)
        return kTest;
    return type == RunType::destroy ? kDestroy : kPlan;
}

Error not_allowed(const Run& run, std::string_view what, std::string_view hint)
{
    return {Errc::conflict,
        "run " + run.id + " is " + std::string{to_string(run.state)} + ": " + std::string{what} + ". "
            + std::string{hint}};
}

Result<void> add_stage(Work& work, const Run& run, int ordinal, std::string_view name, StageKind kind)
{
    Stage stage;
    stage.id = work.new_id();
    stage.run_id = run.id;
    stage.ordinal = ordinal;
    stage.name = name;
    stage.pool_id = run.pool_id;
    stage.core.kind = kind;
    SLIPWAY_TRY(work.records.add_stage(stage));
    work.wake(pool_topic(run.pool_id));
    return {};
}

Result<void> cancel_stages(Work& work, const Run& run)
{
    for (auto& stage : SLIPWAY_TRY(work.records.stages_of_run(run.id)))
        SLIPWAY_TRY(apply_event(work, stage, protocol::server::Cancel{}));
    return {};
}

} // namespace

Result<void> fire(Work& work, Run& run, RunEvent event, std::string_view note)
{
    const auto next = next_state(run.state, event);
    if (!next)
        return Error{Errc::conflict,
            "run " + run.id + " is " + std::string{to_string(run.state)} + ": "
                + std::string{to_string(event)} + " does not apply"};
    run.state = *next;
    SLIPWAY_TRY(work.records.add_history(
        run.id, {.state = run.state, .at_ms = work.wall_ms, .note = std::string{note}}));
    SLIPWAY_TRY(work.records.update_run(run));
    work.wake(run_topic(run.id));
    if (!is_terminal(run.state))
        return {};
    work.wake(log_topic(run.id));
    return schedule_stack(work, run.stack_id);
}

namespace {

/// Whether the stack has what a run of the type needs.
Result<void> check_commands(const Stack& stack, RunType type)
{
    const bool module = stack.kind == StackKind::module;
    if (module != (type == RunType::testing))
        return Error{Errc::conflict,
            module ? "module " + stack.id + " is tested only: slipway module test " + stack.id
                   : "stack " + stack.id + " is no module, and only modules are tested: slipway module list"};
    const auto has = [&](std::string_view phase) { return stack.spec.phases.contains(std::string{phase}); };
    if (type == RunType::destroy && !has(kDestroy))
        return Error{Errc::conflict,
            "stack " + stack.id + " has no destroy commands: slipway stack set " + stack.id
                + " --destroy '…'"};
    if (module && (!has(kPlan) || (has(kApply) && !has(kDestroy))))
        return Error{Errc::conflict,
            "module " + stack.id + " has no " + (has(kPlan) ? "destroy" : "plan") + " commands"
                + (has(kPlan) ? ", and what a test has made must go" : "") + ": slipway module set "
                + stack.id + (has(kPlan) ? " --destroy '…'" : " --plan '…'")};
    if (first_stage(type) == kPlan && !has(kPlan))
        return Error{Errc::conflict,
            "stack " + stack.id + " has no plan commands: give it some with PATCH /api/v1/stacks/" + stack.id
                + " {\"phases\": {\"plan\": [\"…\"]}}, or make another with slipway stack create --plan"};
    return {};
}

} // namespace

Result<Run> create_run(Work& work, const Stack& stack, RunType type, const std::string& command)
{
    const std::string first{first_stage(type)};
    SLIPWAY_TRY(check_commands(stack, type));
    Run run;
    run.id = work.new_id();
    run.stack_id = stack.id;
    run.type = type;
    run.spec = stack.spec;
    if (first == kPerform)
        run.spec.phases[first] = {command};
    if (const auto source = SLIPWAY_TRY(work.records.source(stack.id, 0));
        source && stack.spec.git_url.empty())
        run.source_version = source->version;
    run.created_ms = work.wall_ms;
    run.timeline.queued_ms = work.wall_ms;
    SLIPWAY_TRY(work.records.add_run(run));
    SLIPWAY_TRY(fire(work, run, RunEvent::enqueue));
    SLIPWAY_TRY(schedule_stack(work, stack.id));
    return *SLIPWAY_TRY(work.records.run(run.id));
}

Result<void> schedule_stack(Work& work, std::string_view stack_id)
{
    const auto stack = SLIPWAY_TRY(work.records.stack(stack_id));
    if (!stack || stack->pool_id.empty())
        return {};
    bool locked = SLIPWAY_TRY(work.records.locking_run(stack_id)).has_value();
    for (auto& run : SLIPWAY_TRY(work.records.queued_runs(stack_id))) {
        if (is_exclusive(run.type) && locked)
            continue;
        locked = locked || is_exclusive(run.type);
        run.pool_id = stack->pool_id;
        SLIPWAY_TRY(fire(work, run, RunEvent::make_ready));
        const auto first = first_stage(run.type);
        SLIPWAY_TRY(add_stage(work, run, 0, first, first == kPlan ? StageKind::read : StageKind::write));
    }
    return {};
}

Result<void> add_apply_stage(Work& work, const Run& run, const Stage& plan)
{
    return add_stage(work, run, plan.ordinal + 1, kApply, StageKind::write);
}

Result<void> confirm_run(Work& work, Run& run)
{
    if (run.state != RunState::unconfirmed)
        return not_allowed(
            run, "there is nothing to confirm", "Only an UNCONFIRMED run waits for a confirmation");
    const auto stages = SLIPWAY_TRY(work.records.stages_of_run(run.id));
    if (stages.empty())
        return Error{Errc::internal, "run " + run.id + " has no plan"};
    const Stage& plan = stages.back();
    if (plan.core.fence.epoch < SLIPWAY_TRY(work.records.meta()).epoch)
        return not_allowed(run, "its plan is older than the restored backup",
            "Discard it and start a new run, so that it is planned again");
    run.timeline.confirmed_ms = work.wall_ms;
    SLIPWAY_TRY(fire(work, run, RunEvent::confirm));
    return add_apply_stage(work, run, plan);
}

Result<void> discard_run(Work& work, Run& run)
{
    if (!next_state(run.state, RunEvent::discard))
        return not_allowed(run, "it cannot be discarded",
            is_terminal(run.state) ? "It is over already" : "Stop it instead, or wait for the confirmation");
    SLIPWAY_TRY(fire(work, run, RunEvent::discard));
    return cancel_stages(work, run);
}

Result<void> stop_run(Work& work, Run& run)
{
    if (is_terminal(run.state))
        return not_allowed(run, "there is nothing to stop", "It is over already");
    if (run.state == RunState::unconfirmed || run.state == RunState::pending_review
        || run.state == RunState::replan_requested)
        return not_allowed(run, "nothing of it runs now", "Discard it instead");
    if (next_state(run.state, RunEvent::cancel))
        SLIPWAY_TRY(fire(work, run, RunEvent::cancel));
    else if (run.state == RunState::confirmed)
        SLIPWAY_TRY(fire(work, run, RunEvent::stop));
    else if (!next_state(run.state, RunEvent::stop))
        return not_allowed(
            run, "what changes infrastructure is not stopped half way", "Wait for its end or its run limit");
    else
        SLIPWAY_TRY(work.records.update_run(run));
    SLIPWAY_TRY(cancel_stages(work, run));
    work.wake(run_topic(run.id));
    return {};
}

Result<void> release_run(Work& work, Run& run)
{
    bool held = false;
    bool released = false;
    for (auto& stage : SLIPWAY_TRY(work.records.stages_of_run(run.id))) {
        held = held || stage.core.held;
        const auto step = SLIPWAY_TRY(apply_event(work, stage, protocol::server::Release{}));
        if (step.verdict == protocol::server::Verdict::ok)
            work.wake(pool_topic(stage.pool_id));
        released = released || step.verdict == protocol::server::Verdict::ok;
    }
    if (released)
        return work.records.update_run(run);
    if (held)
        return not_allowed(run, "a worker has its stage",
            "Wait for its end, or, if the worker will not come back: slipway run declare-lost " + run.id);
    return not_allowed(run, "it is not held", "Only what a restored store holds is released");
}

Result<void> declare_run_lost(Work& work, Run& run)
{
    bool lost = false;
    for (auto& stage : SLIPWAY_TRY(work.records.stages_of_run(run.id))) {
        const auto step = SLIPWAY_TRY(apply_event(work, stage, protocol::server::DeclareLost{}));
        lost = lost || step.verdict == protocol::server::Verdict::ok;
    }
    if (lost)
        return {};
    return not_allowed(run, "no worker has it", "Only a stage that a worker has can be declared lost");
}

namespace {

Result<std::string> waits_in_queue(Transaction& records, const Run& run)
{
    const auto stack = SLIPWAY_TRY(records.stack(run.stack_id));
    if (!stack || stack->pool_id.empty())
        return "no worker pool is attached to the stack: slipway stack attach " + run.stack_id
            + " --pool <name>";
    const auto holder = SLIPWAY_TRY(records.locking_run(run.stack_id));
    if (holder && holder->id != run.id)
        return "run " + holder->id + " (" + std::string{to_string(holder->state)}
        + ") of the same stack: one run at a time may change it";
    return std::string{"an older run of the same stack"};
}

Result<std::string> waits_for_worker(Transaction& records, const Run& run)
{
    const auto stages = SLIPWAY_TRY(records.stages_of_run(run.id));
    if (!stages.empty() && stages.back().core.held)
        return "an operator: the store was restored from a backup, and nobody knows what happened after it. "
               "Look whether it has been applied already; if not: slipway run release "
            + run.id + ", else: slipway run stop " + run.id;
    const auto pool = SLIPWAY_TRY(records.pool(run.pool_id));
    const Millis now = SLIPWAY_TRY(records.meta()).served;
    int workers = 0;
    int drained = 0;
    int silent = 0;
    Millis heard = 0;
    for (const auto& worker : SLIPWAY_TRY(records.workers())) {
        if (worker.pool_id != run.pool_id)
            continue;
        ++workers;
        drained += worker.drained;
        silent += now - worker.last_contact > kSilentAfter;
        heard = std::max(heard, worker.last_contact);
    }
    std::string text = "a free worker of pool " + (pool ? pool->name : run.pool_id);
    if (workers == 0)
        text += ": it has none. Start slipway-launcher with the pool's token and key";
    else if (silent == workers)
        text += " (" + std::to_string(workers) + " registered, silent for "
            + format_duration(
                std::chrono::duration_cast<std::chrono::seconds>(std::chrono::milliseconds{now - heard}))
            + "): start slipway-launcher again";
    else
        text += " (" + std::to_string(workers) + " registered, " + std::to_string(drained) + " drained, "
            + std::to_string(silent) + " silent)";
    if (!stages.empty() && !stages.back().message.empty())
        text += ". Last: " + stages.back().message;
    return text;
}

} // namespace

Result<std::string> waiting_for(Transaction& records, const Run& run)
{
    if (run.state == RunState::queued)
        return waits_in_queue(records, run);
    if (run.state == RunState::ready || run.state == RunState::confirmed
        || run.state == RunState::replan_requested)
        return waits_for_worker(records, run);
    if (run.state == RunState::unconfirmed)
        return "a confirmation: slipway run confirm " + run.id;
    return std::string{};
}

} // namespace slipway::mothership
