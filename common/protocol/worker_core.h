#pragma once

#include "common/protocol/fence.h"

#include <variant>
#include <vector>

/// The launcher's half of the worker protocol as a pure function. The caller's one rule: a state that `step`
/// returned is in the journal before the first of its actions is carried out. Actions are idempotent, so a
/// launcher that died between the two carries them out again after `Restarted`.
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
    Outcome outcome = Outcome::none;
    std::uint64_t log_end = 0; ///< Length of the log so far, as it is uploaded.
    std::uint64_t log_acked = 0; ///< How much of it the control plane has; it may go back.

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
    LogGrew, LogAnswered, FinishAnswered, Restarted>;

enum class Action : std::uint8_t {
    send_accept,
    prepare, ///< Pull, take a slot, put the workspace; answers with Prepared or PrepareFailed.
    send_started,
    /// After the lease (for a stage that reads). Not later than the `lease_until` of the state that this came
    /// with, even if it was renewed since; when that has passed, or the slot is gone, the caller looks again:
    /// `Restarted`.
    send_run_frame,
    follow, ///< Take output and exit from a slot that has been given its frame.
    push_lease, ///< Tell slot-init the new end of the lease.
    send_log, ///< From `log_acked` on.
    send_finished,
    kill_slot, ///< Stop and remove the container.
    forget, ///< Remove the journal entry; the container is gone or is removed with it.
};

struct Step {
    WorkerStage state;
    std::vector<Action> actions;
};

/// A new offer: its first journal entry and what follows from it.
[[nodiscard]] Step begin(StageKind kind, Fence fence);

/// What `event` does to `state` at `now`, milliseconds since boot.
[[nodiscard]] Step step(const WorkerStage& state, const Event& event, Millis now);

/// Whether the journal says that the stage may have begun; sent with each contact.
[[nodiscard]] bool may_have_started(const WorkerStage& state) noexcept;

} // namespace worker

} // namespace slipway::protocol
