#include "common/protocol/worker_core.h"

#include <algorithm>

namespace slipway::protocol::worker {

namespace {

bool over(const WorkerStage& state) noexcept
{
    return state.phase == WorkerPhase::gone || state.phase == WorkerPhase::done;
}

Step stay(const WorkerStage& state) { return {state, {}}; }

/// What is left to deliver: the log first, then the end, so that an acknowledged end means an acknowledged
/// log.
Step deliver(WorkerStage state)
{
    if (state.log_acked < state.log_end)
        return {state, {Action::send_log}};
    return {state, {Action::send_finished}};
}

Step finish(WorkerStage state, Outcome outcome)
{
    state.phase = WorkerPhase::finished;
    state.outcome = outcome;
    return deliver(state);
}

Step on(WorkerStage state, const AcceptAnswered& event, Millis)
{
    if (state.phase != WorkerPhase::offered)
        return stay(state);
    state.phase = WorkerPhase::accepted;
    state.lease_until = event.sent_at + event.lease;
    return {state, {Action::prepare}};
}

Step on(WorkerStage state, const Prepared&, Millis)
{
    if (state.phase != WorkerPhase::accepted)
        return stay(state);
    state.phase = WorkerPhase::starting;
    return {state, {Action::send_started}};
}

Step on(WorkerStage state, const PrepareFailed& event, Millis)
{
    if (state.phase != WorkerPhase::accepted && state.phase != WorkerPhase::starting)
        return stay(state);
    return finish(state, event.outcome);
}

Step on(WorkerStage state, const StartedAnswered& event, Millis now)
{
    if (state.phase != WorkerPhase::starting)
        return stay(state);
    const Millis until = event.sent_at + event.lease;
    if (now >= until)
        return {state, {Action::send_started}}; // the answer took longer than the lease it brought
    state.lease_until = until;
    state.phase = WorkerPhase::running;
    return {state, {Action::send_run_frame, Action::follow}};
}

Step on(WorkerStage state, const Renewed& event, Millis)
{
    if (over(state) || state.phase == WorkerPhase::offered)
        return stay(state);
    state.lease_until = std::max(state.lease_until, event.sent_at + event.lease);
    if (state.phase == WorkerPhase::running && state.kind == StageKind::read)
        return {state, {Action::push_lease}};
    return stay(state);
}

Step on(WorkerStage state, const Refused&, Millis)
{
    if (over(state))
        return stay(state);
    state.phase = WorkerPhase::gone;
    return {state, {Action::kill_slot, Action::forget}};
}

Step on(WorkerStage state, const Exited& event, Millis)
{
    if (state.phase != WorkerPhase::running)
        return stay(state);
    return finish(state, event.outcome);
}

Step on(WorkerStage state, const LogGrew& event, Millis)
{
    if (over(state) || event.end <= state.log_end)
        return stay(state);
    state.log_end = event.end;
    return {state, {Action::send_log}};
}

Step on(WorkerStage state, const LogAnswered& event, Millis)
{
    if (over(state))
        return stay(state);
    state.log_acked = std::min(event.expected, state.log_end);
    if (state.phase == WorkerPhase::finished)
        return deliver(state);
    if (state.log_acked < state.log_end)
        return {state, {Action::send_log}};
    return stay(state);
}

Step on(WorkerStage state, const FinishAnswered&, Millis)
{
    if (state.phase != WorkerPhase::finished)
        return stay(state);
    state.phase = WorkerPhase::done;
    return {state, {Action::kill_slot, Action::forget}};
}

Step on(WorkerStage state, const Restarted& event, Millis)
{
    switch (state.phase) {
    case WorkerPhase::offered:
        return {state, {Action::send_accept}};
    case WorkerPhase::accepted:
        return {state, {Action::prepare}};
    case WorkerPhase::starting:
        if (event.slot == SlotFound::idle)
            return {state, {Action::send_started}};
        if (event.slot
            == SlotFound::used) { // a frame of an earlier life, written just before its end, came late
            state.phase = WorkerPhase::running;
            return {state, {Action::follow, Action::send_log}};
        }
        state.phase = WorkerPhase::accepted; // no frame was sent, so nothing of it has run
        return {state, {Action::prepare}};
    case WorkerPhase::running:
        if (event.slot == SlotFound::used)
            return {state, {Action::follow, Action::send_log}};
        if (event.slot == SlotFound::absent)
            return finish(state, Outcome::lost);
        state.phase = WorkerPhase::starting; // the frame never arrived: its grant is confirmed anew first
        return {state, {Action::send_started}};
    case WorkerPhase::finished:
        return deliver(state);
    case WorkerPhase::gone:
    case WorkerPhase::done:
        return {state, {Action::kill_slot, Action::forget}};
    }
    return stay(state);
}

} // namespace

Step begin(StageKind kind, Fence fence) { return {{.kind = kind, .fence = fence}, {Action::send_accept}}; }

Step step(const WorkerStage& state, const Event& event, Millis now)
{
    return std::visit([&](const auto& concrete) { return on(state, concrete, now); }, event);
}

bool may_have_started(const WorkerStage& state) noexcept
{
    return state.phase == WorkerPhase::running || state.phase == WorkerPhase::finished;
}

} // namespace slipway::protocol::worker
