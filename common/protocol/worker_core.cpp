#include "common/protocol/worker_core.h"

#include <algorithm>

namespace slipway::protocol::worker {

namespace {

bool over(const WorkerStage& state) noexcept
{
    return state.phase == WorkerPhase::gone || state.phase == WorkerPhase::done;
}

WorkerStage finish(WorkerStage state, Outcome outcome)
{
    state.phase = WorkerPhase::finished;
    state.outcome = outcome;
    return state;
}

WorkerStage on(WorkerStage state, const AcceptAnswered& event, Millis)
{
    if (state.phase != WorkerPhase::offered)
        return state;
    state.phase = WorkerPhase::accepted;
    state.lease_until = event.sent_at + event.lease;
    return state;
}

WorkerStage on(WorkerStage state, const Prepared&, Millis)
{
    if (state.phase == WorkerPhase::accepted)
        state.phase = WorkerPhase::starting;
    return state;
}

WorkerStage on(WorkerStage state, const PrepareFailed& event, Millis)
{
    if (state.phase != WorkerPhase::accepted && state.phase != WorkerPhase::starting)
        return state;
    return finish(state, event.outcome);
}

WorkerStage on(WorkerStage state, const StartedAnswered& event, Millis now)
{
    const Millis until = event.sent_at + event.lease;
    if (state.phase != WorkerPhase::starting
        || now >= until) // the answer took longer than the lease it brought
        return state;
    state.lease_until = state.frame_until = until;
    state.phase = WorkerPhase::running;
    return state;
}

WorkerStage on(WorkerStage state, const Renewed& event, Millis)
{
    if (over(state) || state.phase == WorkerPhase::offered)
        return state;
    state.lease_until = std::max(state.lease_until, event.sent_at + event.lease);
    return state;
}

WorkerStage on(WorkerStage state, const Refused&, Millis)
{
    if (!over(state))
        state.phase = WorkerPhase::gone;
    return state;
}

WorkerStage on(WorkerStage state, const Exited& event, Millis)
{
    if (state.phase != WorkerPhase::running)
        return state;
    return finish(state, event.outcome);
}

WorkerStage on(WorkerStage state, const LogGrew& event, Millis)
{
    if (!over(state))
        state.log_end = std::max(state.log_end, event.end);
    return state;
}

WorkerStage on(WorkerStage state, const LogAnswered& event, Millis)
{
    if (!over(state))
        state.log_acked = std::min(event.expected, state.log_end);
    return state;
}

WorkerStage on(WorkerStage state, const LogCut& event, Millis)
{
    if (over(state))
        return state;
    state.log_end = event.end;
    state.log_acked = std::min(event.durable, event.end);
    return state;
}

WorkerStage on(WorkerStage state, const FinishAnswered&, Millis)
{
    if (state.phase == WorkerPhase::finished)
        state.phase = WorkerPhase::done;
    return state;
}

WorkerStage on(WorkerStage state, const Restarted& event, Millis)
{
    if (state.phase == WorkerPhase::starting) {
        if (event.slot
            == SlotFound::used) // a frame of an earlier life, written just before its end, came late
            state.phase = WorkerPhase::running;
        else if (event.slot == SlotFound::absent) // no frame was sent, so nothing of it has run
            state.phase = WorkerPhase::accepted;
    } else if (state.phase == WorkerPhase::running) {
        if (event.slot == SlotFound::absent)
            return finish(state, Outcome::lost);
        if (event.slot == SlotFound::idle) // the frame never arrived: its grant is confirmed anew first
            state.phase = WorkerPhase::starting;
    }
    return state;
}

} // namespace

WorkerStage begin(StageKind kind, Fence fence) { return {.kind = kind, .fence = fence}; }

WorkerStage step(const WorkerStage& state, const Event& event, Millis now)
{
    auto next = std::visit([&](const auto& concrete) { return on(state, concrete, now); }, event);
    // Of `state`, too: a journal of an earlier version does not say so.
    for (const auto phase : {state.phase, next.phase})
        next.may_be_started |= phase == WorkerPhase::starting || phase == WorkerPhase::running;
    return next;
}

Action next(const WorkerStage& state) noexcept
{
    switch (state.phase) {
    case WorkerPhase::offered:
        return Action::send_accept;
    case WorkerPhase::accepted:
        return Action::prepare;
    case WorkerPhase::starting:
        return Action::send_started;
    case WorkerPhase::running:
        return Action::follow;
    case WorkerPhase::finished: // the log first, so that an acknowledged end means an acknowledged log
        return state.log_acked < state.log_end ? Action::deliver_log : Action::send_finished;
    case WorkerPhase::gone:
    case WorkerPhase::done:
        break;
    }
    return Action::remove;
}

bool may_begin(const WorkerStage& state, Millis now) noexcept
{
    return state.phase == WorkerPhase::running && now < state.frame_until;
}

bool may_give_back(const WorkerStage& state) noexcept
{
    return !state.may_be_started
        && (state.phase == WorkerPhase::offered || state.phase == WorkerPhase::accepted);
}

bool may_send_log(const WorkerStage& state) noexcept
{
    return !over(state) && state.phase != WorkerPhase::offered;
}

bool may_have_started(const WorkerStage& state) noexcept
{
    return state.phase == WorkerPhase::running || state.phase == WorkerPhase::finished;
}

} // namespace slipway::protocol::worker
