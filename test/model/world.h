#pragma once

#include "common/protocol/server_core.h"
#include "common/protocol/worker_core.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

/// The world around the protocol core, small enough to visit all of it: one stage, one control plane with its
/// store, two launchers with their journals and containers, and a network that delays, loses, repeats and
/// reorders. Every decision is taken by the functions that the programs link; the world only carries out what
/// they return.
///
/// Time is relative: each deadline is kept as the ticks that are left of it, so that equal situations at
/// different times are one state. A partition is a delay of everything; a crash of the control plane is a
/// lost answer.
namespace slipway::model {

using Byte = std::uint8_t;

/// The functions under test. A mutant wraps one of them.
struct Core {
    protocol::server::Step (*server)(const protocol::ServerStage&, const protocol::server::Event&,
        protocol::Millis, const protocol::Terms&)
        = protocol::server::step;
    protocol::WorkerStage (*worker)(
        const protocol::WorkerStage&, const protocol::worker::Event&, protocol::Millis)
        = protocol::worker::step;
    protocol::worker::Action (*next)(const protocol::WorkerStage&) noexcept = protocol::worker::next;
};

struct Settings {
    protocol::StageKind kind = protocol::StageKind::read;
    Byte grants = 2; ///< Most grants.
    Byte log_bytes = 1; ///< Most output of one container.
    Byte faults = 2; ///< Most events of the kinds that `is_fault` names, together.
    bool store_goes_back = false;
    Byte head_start = 0; ///< So many moves of the fair schedule come first; a backup is older than they are.
};

inline constexpr Byte kAccepted = 6; ///< Head start to where A has been told that its accept arrived.
inline constexpr Byte kWrittenDown = 10; ///< To where the start of A was written down, and A is not told yet.
inline constexpr Byte kConfirmed = 11; ///< To where A has been told that its start was written down.
inline constexpr Byte kRunning = 12; ///< To where A has sent the run frame.

/// ServerStage in bytes. `until`: ticks left.
struct Stored {
    Byte phase, fence, holder, until, outcome, log_end, run_limit, held, stop;
    bool operator==(const Stored&) const = default;
};

enum class Slot : Byte { absent, idle, running, exited };

/// A launcher: its journal (durable) and its container. What it does next is asked of the core.
struct Launcher {
    Byte alive;
    Byte has_journal, phase, fence, lease, frame_until, outcome, log_end, log_acked,
        may_be_started; ///< WorkerStage.
    Byte leaving; ///< This life was told to leave.
    Byte ready; ///< Its slot has been made ready in this life.
    Slot slot;
    Byte slot_lease, produced, slot_outcome;
    Byte rebooted; ///< The control plane has not been told yet.
    Byte ran, end_acked, refused; ///< History of the journaled grant, for the invariants.
    bool operator==(const Launcher&) const = default;
};

enum class Kind : Byte {
    none,
    offer,
    accept,
    decline,
    started,
    renew,
    log,
    finish, // offer goes down, the others up
    accept_ok,
    started_ok,
    renewed,
    log_ok,
    finish_ok,
    gone,
    given_back, // answers
};

struct Message {
    Kind kind;
    Byte who, fence, age, a, b;
    auto operator<=>(const Message&) const = default;
};

/// All of a state; a plain row of bytes.
struct World {
    Stored server, backup;
    std::array<Launcher, 2> launchers;
    std::array<Message, 3> net; ///< A multiset: sorted, empty places first.
    Byte has_backup, restored, epoch, faults;
    Byte frames; ///< Run frames that took effect.
    Byte ended; ///< An end was acknowledged.
    Byte cancelled; ///< Fence of the grant that was cancelled between its accept and its start.
    Byte given_up; ///< Ticks since the record of a grant that has not begun yet was closed; up to a lease.
    bool operator==(const World&) const = default;
};

enum class Do : Byte {
    restart,
    act,
    deliver,
    take_output,
    see_exit,
    write_byte,
    exit,
    send_log,
    release,
    served_tick,
    grant,
    offer,
    tick, // in this order a fair schedule takes them; what follows is never needed for progress
    renew,
    backup,
    lose,
    withdraw,
    duplicate,
    decline,
    crash,
    host_restart,
    container_dies,
    cancel,
    declare_lost,
    leave,
    store_back,
};

struct Move {
    Do what = Do::tick;
    Byte who = 0; ///< Launcher, or place in the network.
};

[[nodiscard]] World first_world(const Settings& settings);
/// Appends all moves that can happen now.
void list_moves(const World& world, const Settings& settings, const Core& core, std::vector<Move>& moves);
/// Carries `move` out. Returns the promise that it broke, or an empty text.
[[nodiscard]] std::string_view apply(World& world, Move move, const Settings& settings, const Core& core);
/// Whether from here everything ends well when nothing goes wrong any more; else what is left undone.
[[nodiscard]] std::string_view check_fair_end(World world, Settings settings, const Core& core);
[[nodiscard]] std::string describe(const World& world, Move move);

} // namespace slipway::model
