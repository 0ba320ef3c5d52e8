#pragma once

#include "common/clock.h"
#include "common/protocol/worker_core.h"
#include "launcher/backend.h"
#include "launcher/journal.h"

#include <cstdint>
#include <mutex>

namespace slipway::launcher {

/// Milliseconds since boot: the clock of leases.
[[nodiscard]] protocol::Millis boot_millis(const Clock& clock);

/// The protocol state of one stage and its journal: the one place where the launcher's half of the protocol
/// moves, so that its one rule holds: what `step` returned is in the journal before anyone acts upon it.
/// Thread-safe; the poll thread, the job and the uploader of a stage all tell it what happened.
class JournaledStage {
public:
    JournaledStage(JobEntry entry, protocol::WorkerStage state, const Clock& clock);

    [[nodiscard]] protocol::WorkerStage state() const;

    [[nodiscard]] const JobEntry& entry() const noexcept { return entry_; }

    [[nodiscard]] StageRef ref() const { return {entry_.stage_id(), state().fence}; }

    /// Moves the state; the new one is in the journal. When it cannot be written the event has not happened:
    /// the caller repeats it.
    Result<void> apply(const protocol::worker::Event& event);

    /// The number of the next report of this grant.
    Result<std::int64_t> next_sequence();

private:
    JobEntry entry_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    protocol::WorkerStage state_;
};

/// Whether nothing is left to do for the stage but to remove it.
[[nodiscard]] bool is_over(const protocol::WorkerStage& state) noexcept;

} // namespace slipway::launcher
