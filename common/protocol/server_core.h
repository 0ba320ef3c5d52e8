#pragma once

#include "common/protocol/fence.h"

#include <string>
#include <variant>

/// The control plane's half of the worker protocol as a pure function: no clock, no thread, no socket, no
/// store. Every change of a fence, a lease, an offer or a log offset on that side is made here and nowhere
/// else; the store only writes the resulting state in a statement that is conditional on the state it was
/// computed from.
namespace slipway::protocol {

enum class ServerPhase : std::uint8_t {
    waiting, ///< For a worker; not granted before `until`.
    offered, ///< To `holder`, which has not accepted yet; withdrawn at `until`.
    accepted, ///< By `holder`, whose journal has it; nothing of it has started. The lease ends at `until`.
    started, ///< `holder` may be running it. `until`: end of the lease (read), or of the run limit (write).
    finished, ///< `holder` reported its end, or it was cancelled before it began.
    lost, ///< A write stage that may have begun and of which nobody will tell the end.
};

/// One stage as the store keeps it.
struct ServerStage {
    StageKind kind = StageKind::read;
    ServerPhase phase = ServerPhase::waiting;
    Fence fence; ///< Of the newest grant; {0, 0} before the first.
    std::string holder; ///< Id of the worker that has the newest grant.
    Millis until = 0; ///< Served time; see ServerPhase.
    Millis run_limit
        = 0; ///< From accept: how long a write stage may run, grace and ladder included. 0: unknown.
    Outcome outcome = Outcome::none;
    std::uint64_t log_end = 0; ///< Bytes of the log of the newest grant that are durable.
    bool held
        = false; ///< The store lost history: not granted, and no grant begins, until an operator releases it.
    bool stop_requested = false; ///< The holder is told to stop at its next contact.

    bool operator==(const ServerStage&) const = default;
};

/// Durations that both sides are told; the defaults are the product's.
struct Terms {
    Millis offer = 15'000;
    Millis lease = 300'000;
    Millis margin = 15'000; ///< Added on the server's side, since its clock starts with the answer.
};

namespace server {

/// The scheduler chose a worker with a free place. `epoch`: the store's.
struct Grant {
    std::string worker;
    std::uint32_t epoch = 1;
};

struct Accept {
    std::string worker;
    Fence fence;
    Millis run_limit = 0;
};

struct Decline {
    std::string worker;
    Fence fence;
};

/// The offer is taken back: its worker drains.
struct Withdraw { };

/// The holder is about to send the run frame. When this is answered `ok` it is durable, so a write stage is
/// never granted again. `gone` for a held stage that is not known to have begun, and for one that was
/// cancelled since it was accepted, which is over then.
struct Started {
    std::string worker;
    Fence fence;
};

/// Contact: the holder still has the stage. `started` is what its journal says.
struct Renew {
    std::string worker;
    Fence fence;
    bool started = false;
};

struct AppendLog {
    std::string worker;
    Fence fence;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// `log_end`: length of the whole log; refused with `not_yet` until it is all durable.
struct Finish {
    std::string worker;
    Fence fence;
    Outcome outcome = Outcome::failed;
    std::uint64_t log_end = 0;
};

/// Time has passed.
struct Tick { };

/// The holder's instance registered with another boot id: no container of its earlier life exists any more.
struct HostRestarted {
    std::string worker;
};

/// An operator says that the holder will not come back.
struct DeclareLost { };

/// A person stops or cancels the stage.
struct Cancel { };

/// The store was restored from a backup: what happened after the backup is unknown. A write stage is held; a
/// read stage is taken from its holder and waits until each lease that the backup may not know is over.
struct StoreRestored { };

/// An operator has looked at a held stage and lets it be granted. Refused while a worker holds it: what runs
/// ends first, or is declared lost. For a write stage the operator vouches that no launcher knows a grant of
/// it that is missing here, since such a launcher may have run it.
struct Release { };

using Event = std::variant<Grant, Accept, Decline, Withdraw, Started, Renew, AppendLog, Finish, Tick,
    HostRestarted, DeclareLost, Cancel, StoreRestored, Release>;

enum class Verdict : std::uint8_t {
    ok,
    gone, ///< 410: the caller's grant is not the newest; it stops the stage and forgets it.
    not_yet, ///< 409: a log chunk beyond the end, or a finish before the whole log. The answer says
             ///< `log_end`.
    refused, ///< The event does not apply: no grant, nothing to withdraw, a fence that nobody made.
};

struct Step {
    ServerStage state;
    Verdict verdict = Verdict::ok;
    std::uint64_t skip = 0; ///< AppendLog: how many bytes at the front of the chunk are known already.
    bool alarm = false; ///< A fence from the future: this store went back in time. Operators are told.
};

/// What `event` does to `state` at served time `now`.
[[nodiscard]] Step step(const ServerStage& state, const Event& event, Millis now, const Terms& terms);

/// Whether the stage is offered to this worker under this fence. It may read what the offer names then, so
/// that it is ready when it accepts; that renews nothing.
[[nodiscard]] bool is_offered_to(const ServerStage& state, const std::string& worker, Fence fence);

/// Whether a worker goes on with a grant of a stage that the store does not know. `ok` when the grant is of
/// another epoch than the store's: then a restore forgot the stage, and what runs is not killed for it.
[[nodiscard]] Verdict unknown_stage(Fence fence, std::uint32_t epoch);

} // namespace server

} // namespace slipway::protocol
