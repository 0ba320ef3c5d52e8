#pragma once

#include "common/clock.h"
#include "common/protocol/worker_core.h"
#include "launcher/job_host.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What an engine says of itself: for `status`, `why`, health, metrics and the service manager.
namespace slipway::launcher {

/// One stage that is held.
struct StageStatus {
    std::string stage_id;
    std::string run_id;
    protocol::StageKind kind = protocol::StageKind::read;
    protocol::WorkerPhase phase = protocol::WorkerPhase::offered;
    std::chrono::milliseconds elapsed{0}; ///< Since its first command; before that, since it was taken here.
    std::uint64_t spool_bytes = 0;
};

/// What keeps a launcher from taking more. Several may hold at once.
enum class DrainBy : std::uint8_t {
    control_plane, ///< Ends when the control plane says so.
    command, ///< `slipway-launcher drain`; kept in the state directory until `undrain`.
    exit_command, ///< `slipway-launcher drain --exit`: as a signal.
    signal, ///< TERM or INT: the process ends with what it holds.
    cycle, ///< The control plane asks the process to end with what it holds.
    disk, ///< The disk's threshold was passed: the process ends with what it holds.
};

[[nodiscard]] constexpr bool leaves(DrainBy by) noexcept
{
    return by == DrainBy::exit_command || by == DrainBy::signal || by == DrainBy::cycle
        || by == DrainBy::disk;
}

struct Drain {
    DrainBy by = DrainBy::signal;
    std::chrono::system_clock::time_point since;
};

/// Room in the file system of the state directory, and below which intake stops.
struct DiskStatus {
    std::uint64_t free_bytes = 0;
    std::uint64_t least_free_bytes = 0;
    std::uint64_t free_inodes = 0;
    std::uint64_t least_free_inodes = 0; ///< 0: the file system counts none.
    std::string error; ///< It could not be looked at.

    [[nodiscard]] bool too_full() const noexcept
    {
        return !error.empty() || free_bytes < least_free_bytes || free_inodes < least_free_inodes;
    }
};

struct EngineStatus {
    std::string worker_id; ///< Empty: not registered yet.
    std::string pool_name;
    bool polled = false; ///< Registered, and the first poll was sent.
    bool connected = false; ///< The last contact with the backend was answered.
    std::string contact_error; ///< Why the last contact failed; empty: it did not.
    std::optional<std::chrono::milliseconds> contact_age; ///< Since the last answer; nothing: there was none.
    std::chrono::milliseconds uptime{0};
    bool draining = false;
    std::vector<Drain> drains;
    bool docker_answers = true; ///< As of the last round of reconciliation.
    std::string docker_error;
    std::chrono::milliseconds docker_since{0}; ///< How long it has been answering or not.
    DiskStatus disk;
    int capacity = 1;
    std::size_t idle_slots = 0; ///< Containers that are kept ready.
    std::string transport; ///< How slots are reached; empty: not known yet.
    std::vector<StageStatus> stages;
    std::string_view work = "stage"; ///< What one of them is called: "build" of a Vela server.
    std::string_view capacity_setting = "SLIPWAY_CAPACITY";
    /// Since either of the two loops, the one that polls and the one that reconciles, last came to its next
    /// step.
    std::chrono::milliseconds stalled{0};
};

/// Each step of a loop has a deadline; the longest is the wait that a control plane may ask for with
/// Retry-After (ten minutes). A loop that takes longer hangs.
inline constexpr std::chrono::minutes kLongestStep{12};

[[nodiscard]] std::string_view to_string(protocol::WorkerPhase phase) noexcept;
[[nodiscard]] std::string_view to_string(DrainBy by) noexcept;

/// One reason why nothing more is taken.
struct Hold {
    std::string_view cause; ///< A word for programs.
    std::string text; ///< What holds it back, for people.
    std::string remedy;
};

/// What holds a launcher back, the likeliest cause of a queue that stands still first. Empty: it takes the
/// next stage that it is offered. `url`: of the control plane.
[[nodiscard]] std::vector<Hold> holds(const EngineStatus& status, std::string_view url);

/// "3s", "4m 10s", "2h 5m", "3d 4h".
[[nodiscard]] std::string human_duration(std::chrono::milliseconds time);

} // namespace slipway::launcher
