#pragma once

#include "common/protocol/fence.h"

#include <variant>

/// The launcher's half of the worker protocol as pure functions: `step` says what an event makes of a state,
/// `next` what a launcher in that state does. The caller's one rule: a state that `step` returned is in the
/// journal before it is acted upon. What follows depends on the state alone, so a launcher that died in
/// between carries on from its journal.
namespace slipway::protocol {

enum class WorkerPhase : std::uint8_t {
    offered, ///< In the journal; the accept is not known to have arrived.
    accepted, ///< Ours; image, slot and workspace are being made ready.
    starting, ///< Ready; no run frame has been sent.
    running, ///< A run frame may have been sent.
    finished, ///< Its end is known; the log, then the end, are being delivered.
    gone, ///< The control plane refused our grant: what runs is stopped and removed, nothing is reported.
    done, ///< Delivered; nothing of it is left to do.
};

/// One stage as the journal keeps it.
struct WorkerStage {
    StageKind kind = StageKind::read;
    Fence fence;
    WorkerPhase phase = WorkerPhase::offered;
    Millis lease_until = 0; ///< Time since boot, counted from the moment the renewing request was sent.
    /// End of the lease that came with the answer to `started`; a renewal does not move it. See `may_begin`.
    Millis frame_until = 0;
    Outcome outcome = Outcome::none;
    std::uint64_t log_end = 0; ///< Length of the log so far, as it is uploaded.
    std::uint64_t log_acked = 0; ///< How much of it the control plane has; it may go back.
    bool may_be_started = false; ///< At the control plane: it was `starting` once. Never taken back.

    bool operator==(const WorkerStage&) const = default;
};

namespace worker {

/// The control plane answered an accept that was sent at `sent_at`.
struct AcceptAnswered {
    Millis sent_at = 0;
    Millis lease = 0;
};

/// Slot and workspace are ready.
struct Prepared { };

/// The stage ended before its first process: no image, no space, cancelled.
struct PrepareFailed {
    Outcome outcome = Outcome::failed;
};

/// The control plane has made `started` durable.
struct StartedAnswered {
    Millis sent_at = 0;
    Millis lease = 0;
};

/// A contact sent at `sent_at` was answered and named this stage and fence.
struct Renewed {
    Millis sent_at = 0;
    Millis lease = 0;
};

/// 410 to any call with this fence.
struct Refused { };

/// The last process of the stage has ended and all of its output is in the spool (`LogGrew` said so).
struct Exited {
    Outcome outcome = Outcome::failed;
};

struct LogGrew {
    std::uint64_t end = 0;
};

/// The control plane says which byte it wants next.
struct LogAnswered {
    std::uint64_t expected = 0;
};

/// The host has crashed: what is left of the log ends at `end`, and the control plane has `durable` of it,
/// which is not more.
struct LogCut {
    std::uint64_t durable = 0;
    std::uint64_t end = 0;
};

struct FinishAnswered { };

/// What a returning launcher finds of the stage's slot.
enum class SlotFound : std::uint8_t {
    absent,
    idle, ///< Lives and has never been given a run frame.
    used, ///< Has been given one; runs, or keeps the exit record.
};

/// The caller compares the journal with the slot: after its own restart, or when an action came too late.
struct Restarted {
    SlotFound slot = SlotFound::absent;
};

using Event = std::variant<AcceptAnswered, Prepared, PrepareFailed, StartedAnswered, Renewed, Refused, Exited,
    LogGrew, LogAnswered, LogCut, FinishAnswered, Restarted>;

/// Each is carried out until an event has changed the state; all of them may be repeated.
enum class Action : std::uint8_t {
    send_accept,
    prepare, ///< Pull, take a slot, put the workspace; answers with Prepared or PrepareFailed.
    send_started,
    /// In the slot: its first run frame if it has had none and `may_begin`, then its output and its exits,
    /// and each new end of the lease (for a stage that reads) to slot-init. Where the frame comes too late,
    /// or the slot is gone, the caller looks again: `Restarted`.
    follow,
    deliver_log, ///< Wait until the uploader has brought the log to its end.
    send_finished,
    remove, ///< Stop and remove the container, then the journal entry.
};

/// A new offer: its first journal entry.
[[nodiscard]] WorkerStage begin(StageKind kind, Fence fence);

/// What `event` makes of `state` at `now`, milliseconds since boot.
[[nodiscard]] WorkerStage step(const WorkerStage& state, const Event& event, Millis now);

/// What the launcher does in `state`.
[[nodiscard]] Action next(const WorkerStage& state) noexcept;

/// Whether the first run frame may be sent at `now`, for either kind of stage. Later than the lease that came
/// with the answer to `started` it must not be: the control plane may have given the stage up meanwhile.
[[nodiscard]] bool may_begin(const WorkerStage& state, Millis now) noexcept;

/// Whether the stage may be declined. What was ready once may stand as started at the control plane, where a
/// decline changes nothing then: whoever forgot such a stage would leave it held until its run limit. It gets
/// an end instead.
[[nodiscard]] bool may_give_back(const WorkerStage& state) noexcept;

/// Whether the log may be sent, from `log_acked` on; beside whatever `next` says.
[[nodiscard]] bool may_send_log(const WorkerStage& state) noexcept;

/// Whether the journal says that the stage may have begun; sent with each contact.
[[nodiscard]] bool may_have_started(const WorkerStage& state) noexcept;

} // namespace worker

} // namespace slipway::protocol
