#include "common/protocol/server_core.h"

#include <algorithm>
#include <limits>

namespace slipway::protocol::server {

namespace {

Step same(const ServerStage& state, Verdict verdict) { return {.state = state, .verdict = verdict}; }

/// No restore is so long ago: a fence further ahead was made up.
constexpr std::uint32_t kMaxEpochsAhead = 1000;
constexpr std::uint32_t kLastNumber = std::numeric_limits<std::uint32_t>::max();
/// A renewal that would move the end of a lease by less than this part of the margin changes nothing: calls
/// come in groups, and each change is synced to disk. The rest of the margin is more than clocks differ.
constexpr Millis kMarginParts = 3;

/// The place of a caller's fence among the grants of a stage.
enum class Standing : std::uint8_t {
    current,
    older,
    future, ///< Made in a part of history that this store has lost.
    absurd, ///< No control plane made it.
};

Standing standing(const ServerStage& state, const std::string& worker, Fence fence)
{
    if (fence > state.fence) {
        const bool absurd = fence.number == kLastNumber || fence.epoch - state.fence.epoch > kMaxEpochsAhead;
        return absurd ? Standing::absurd : Standing::future;
    }
    if (fence != state.fence || worker != state.holder)
        return Standing::older;
    // A write stage of a restored store whose lease is over: the lost history may hold its `started`.
    const bool forgotten
        = state.held && state.kind == StageKind::write && state.phase == ServerPhase::waiting;
    return forgotten ? Standing::future : Standing::current;
}

/// The fence of a grant in `epoch`, above all that were made.
Fence next_fence(Fence last, std::uint32_t epoch)
{
    if (epoch > last.epoch)
        return {epoch, 1};
    return last.number >= kLastNumber - 1 ? Fence{last.epoch + 1, 1} : Fence{last.epoch, last.number + 1};
}

bool ended(const ServerStage& state)
{
    return state.phase == ServerPhase::finished || state.phase == ServerPhase::lost;
}

bool has_holder(const ServerStage& state)
{
    return state.phase == ServerPhase::offered || state.phase == ServerPhase::accepted
        || state.phase == ServerPhase::started;
}

/// Nobody holds it any more: it waits for another worker, or is over when someone has cancelled it meanwhile.
void make_waiting(ServerStage& state, Millis not_before)
{
    if (state.stop_requested) {
        state.phase = ServerPhase::finished;
        state.outcome = Outcome::failed;
        return;
    }
    state.phase = ServerPhase::waiting;
    // While a lost grant may be alive, so may be its container: the end of the present lease covers both.
    state.until = state.held ? std::max(not_before, state.until) : not_before;
}

void renew_lease(ServerStage& state, Millis now, const Terms& terms)
{
    const Millis until = now + terms.lease + terms.margin;
    const Millis longer = until - state.until;
    if (longer < 0 || longer > terms.margin / kMarginParts)
        state.until = until;
}

void make_started(ServerStage& state, Millis now, const Terms& terms)
{
    state.phase = ServerPhase::started;
    const bool by_contact = state.kind == StageKind::read || state.run_limit == 0;
    state.until = now + (by_contact ? terms.lease : state.run_limit) + terms.margin;
}

/// A fence above the newest grant proves that this store lost history: the caller's word is taken for the
/// stage, and nothing more is granted until an operator looks. The log of a grant that is unknown here is
/// delivered anew from its first byte; how long it may run is unknown, so a write stage counts as alive by
/// its contacts.
ServerStage adopt_future(
    const ServerStage& state, const std::string& worker, Fence fence, Millis now, const Terms& terms)
{
    ServerStage adopted = state;
    adopted.phase = ServerPhase::accepted;
    if (fence != state.fence) {
        adopted.run_limit = 0;
        adopted.log_end = 0;
    }
    adopted.fence = fence;
    adopted.holder = worker;
    adopted.until = now + terms.lease + terms.margin;
    adopted.held = true;
    return adopted;
}

/// The stage as the caller's grant has it: unchanged for the newest one, adopted for one from the future
/// (`alarm`), else the refusal.
Step enter(const ServerStage& state, const std::string& worker, Fence fence, Millis now, const Terms& terms)
{
    switch (standing(state, worker, fence)) {
    case Standing::current:
        return same(state, Verdict::ok);
    case Standing::older:
        return same(state, Verdict::gone);
    case Standing::absurd:
        return same(state, Verdict::refused);
    case Standing::future:
        break;
    }
    if (ended(state))
        return same(state, Verdict::gone);
    return {.state = adopt_future(state, worker, fence, now, terms), .alarm = true};
}

Step on(const ServerStage& state, const Grant& event, Millis now, const Terms& terms)
{
    if (state.phase != ServerPhase::waiting || state.held || state.stop_requested || now < state.until)
        return same(state, Verdict::refused);
    Step result{.state = state};
    auto& next = result.state;
    next.phase = ServerPhase::offered;
    next.fence = next_fence(state.fence, event.epoch);
    next.holder = event.worker;
    next.until = now + terms.offer;
    next.run_limit = 0;
    next.log_end = 0;
    return result;
}

Step on(const ServerStage& state, const Accept& event, Millis now, const Terms& terms)
{
    Step result = enter(state, event.worker, event.fence, now, terms);
    auto& next = result.state;
    if (result.verdict != Verdict::ok || next.phase == ServerPhase::started)
        return result;
    if (next.phase != ServerPhase::offered && next.phase != ServerPhase::accepted)
        return same(state, Verdict::gone);
    next.phase = ServerPhase::accepted;
    next.run_limit = event.run_limit;
    next.until = now + terms.lease + terms.margin;
    return result;
}

Step on(const ServerStage& state, const Decline& event, Millis now, const Terms&)
{
    if (standing(state, event.worker, event.fence) != Standing::current)
        return same(state, Verdict::gone);
    if (state.phase != ServerPhase::offered && state.phase != ServerPhase::accepted)
        return same(state, Verdict::gone);
    Step result{.state = state};
    make_waiting(result.state, now);
    return result;
}

Step on(const ServerStage& state, const Withdraw&, Millis now, const Terms&)
{
    if (state.phase != ServerPhase::offered)
        return same(state, Verdict::refused);
    Step result{.state = state};
    make_waiting(result.state, now);
    return result;
}

/// A holder that has (perhaps) begun: from `Started`, or from a renewal by a launcher whose journal says so.
Step hold(const ServerStage& state, const std::string& worker, Fence fence, bool started, Millis now,
    const Terms& terms)
{
    Step result = enter(state, worker, fence, now, terms);
    if (result.verdict != Verdict::ok)
        return result;
    auto& next = result.state;
    if (ended(next)) // lost or cancelled meanwhile: what runs is still told to deliver its end
        return same(state, next.phase == ServerPhase::lost ? Verdict::ok : Verdict::gone);
    if (next.phase != ServerPhase::accepted && next.phase != ServerPhase::started)
        return same(state, Verdict::gone);
    const bool fresh = next.phase == ServerPhase::accepted;
    if (fresh && started)
        make_started(next, now, terms);
    else if (fresh || next.kind == StageKind::read || next.run_limit == 0)
        renew_lease(next, now, terms);
    return result;
}

Step on(const ServerStage& state, const Started& event, Millis now, const Terms& terms)
{
    if (state.phase == ServerPhase::lost)
        return same(state, Verdict::gone); // too late to begin
    Step result = hold(state, event.worker, event.fence, true, now, terms);
    // In a store that lost history another grant may run already, and this one may have been taken back: what
    // has begun goes on, nothing begins.
    const bool known
        = state.kind == StageKind::write && state.phase == ServerPhase::started && state.fence == event.fence;
    if (result.verdict == Verdict::ok && result.state.held && !known)
        return {.state = state, .verdict = Verdict::gone, .alarm = result.alarm};
    if (result.verdict == Verdict::ok && state.phase == ServerPhase::accepted && state.stop_requested) {
        result = same(state, Verdict::gone); // cancelled before it began: it does not begin
        make_waiting(result.state, now);
    }
    return result;
}

Step on(const ServerStage& state, const Renew& event, Millis now, const Terms& terms)
{
    return hold(state, event.worker, event.fence, event.started, now, terms);
}

Step on(const ServerStage& state, const AppendLog& event, Millis now, const Terms& terms)
{
    Step result = enter(state, event.worker, event.fence, now, terms);
    auto& next = result.state;
    if (result.verdict != Verdict::ok)
        return result;
    if (next.phase == ServerPhase::waiting || next.phase == ServerPhase::offered)
        return same(state, Verdict::gone);
    if (event.length > std::numeric_limits<std::uint64_t>::max() - event.offset)
        return same(state, Verdict::refused);
    if (event.offset > next.log_end) {
        result.verdict = Verdict::not_yet;
        return result;
    }
    const std::uint64_t end = event.offset + event.length;
    if (next.phase == ServerPhase::finished && end > next.log_end)
        return same(state, Verdict::gone);
    result.skip = std::min(event.length, next.log_end - event.offset);
    next.log_end = std::max(next.log_end, end);
    return result;
}

Step on(const ServerStage& state, const Finish& event, Millis now, const Terms& terms)
{
    Step result = enter(state, event.worker, event.fence, now, terms);
    auto& next = result.state;
    if (result.verdict != Verdict::ok)
        return result;
    if (next.phase == ServerPhase::finished) // the answer to the first report was lost, or it was cancelled
        return same(state, event.log_end == state.log_end ? Verdict::ok : Verdict::gone);
    if (next.phase == ServerPhase::waiting || next.phase == ServerPhase::offered)
        return same(state, Verdict::gone);
    if (next.log_end != event.log_end) {
        result.verdict = Verdict::not_yet;
        return result;
    }
    if (next.phase == ServerPhase::lost)
        return result; // it has failed already; the late report is acknowledged so that the launcher can
                       // forget it
    if (event.outcome == Outcome::lost && next.kind == StageKind::read && !next.stop_requested) {
        make_waiting(next, now);
        return result;
    }
    next.outcome = event.outcome;
    next.phase = event.outcome == Outcome::lost ? ServerPhase::lost : ServerPhase::finished;
    return result;
}

Step on(const ServerStage& state, const Tick&, Millis now, const Terms&)
{
    Step result{.state = state};
    auto& next = result.state;
    if (now < state.until || !has_holder(state))
        return result;
    if (state.phase == ServerPhase::started && state.kind == StageKind::write) {
        next.phase = ServerPhase::lost;
        next.outcome = Outcome::lost;
        return result;
    }
    make_waiting(next, now);
    return result;
}

Step on(const ServerStage& state, const HostRestarted& event, Millis now, const Terms&)
{
    Step result{.state = state};
    auto& next = result.state;
    if (!has_holder(state) || state.holder != event.worker)
        return same(state, Verdict::refused);
    if (state.phase == ServerPhase::started && state.kind == StageKind::write) {
        next.phase = ServerPhase::lost;
        next.outcome = Outcome::lost;
        return result;
    }
    make_waiting(next, now);
    return result;
}

Step on(const ServerStage& state, const DeclareLost&, Millis, const Terms&)
{
    if (!has_holder(state))
        return same(state, Verdict::refused);
    Step result{.state = state};
    if (state.phase == ServerPhase::started && state.kind == StageKind::write) {
        result.state.phase = ServerPhase::lost;
        result.state.outcome = Outcome::lost;
        return result;
    }
    make_waiting(result.state, state.until); // its container may live until the lease is over
    return result;
}

Step on(const ServerStage& state, const Cancel&, Millis, const Terms&)
{
    if (ended(state))
        return same(state, Verdict::refused);
    Step result{.state = state};
    result.state.stop_requested = true;
    if (state.phase == ServerPhase::waiting || state.phase == ServerPhase::offered) {
        result.state.phase = ServerPhase::finished;
        result.state.outcome = Outcome::failed;
    }
    return result;
}

Step on(const ServerStage& state, const StoreRestored&, Millis now, const Terms& terms)
{
    if (ended(state))
        return same(state, Verdict::ok);
    Step result{.state = state};
    auto& next = result.state;
    const Millis quiet
        = std::max(state.until, now + terms.lease + terms.margin); // a lease the backup knows nothing of
    if (state.kind == StageKind::read || !has_holder(state) || state.phase == ServerPhase::offered) {
        make_waiting(next, quiet); // a read stage may have a newer grant: whoever holds this one is sent away
    } else if (state.phase == ServerPhase::accepted) {
        next.until = quiet;
    }
    next.held = next.held || state.kind == StageKind::write;
    return result;
}

Step on(const ServerStage& state, const Release&, Millis, const Terms&)
{
    if (!state.held || has_holder(state))
        return same(state, Verdict::refused);
    Step result{.state = state};
    result.state.held = false;
    return result;
}

} // namespace

bool is_offered_to(const ServerStage& state, const std::string& worker, Fence fence)
{
    return state.phase == ServerPhase::offered && standing(state, worker, fence) == Standing::current;
}

Verdict unknown_stage(Fence fence, std::uint32_t epoch)
{
    const bool absurd = fence.number == kLastNumber || fence.epoch > std::uint64_t{epoch} + kMaxEpochsAhead;
    return fence.epoch == epoch || absurd ? Verdict::gone : Verdict::ok;
}

Step step(const ServerStage& state, const Event& event, Millis now, const Terms& terms)
{
    return std::visit([&](const auto& concrete) { return on(state, concrete, now, terms); }, event);
}

} // namespace slipway::protocol::server
