#pragma once

#include "common/clock.h"
#include "mothership/store.h"

#include <mutex>

namespace slipway::mothership {

/// Milliseconds during which this control plane has served: what leases are counted in. Stands still while it
/// does not run, never steps back, and is never ahead of the truth: after a kill it waits at the highest
/// value that may have been handed out until the time really served has caught up. Thread-safe.
class ServedTime {
public:
    static Result<ServedTime> resume(Store& store, const Clock& clock);

    ServedTime(ServedTime&& other) noexcept;

    [[nodiscard]] Millis now() const;

    /// Reserves the next seconds in the store; called about once a second. Without it time stands still at
    /// the end of what was reserved.
    Result<void> reserve(Store& store);
    /// Gives back what was reserved and not used.
    Result<void> close(Store& store);
    /// Goes on from `seen`, which the store has forgotten.
    Result<void> advance_to(Millis seen, Store& store);

private:
    explicit ServedTime(const Clock& clock, const Meta& meta);
    [[nodiscard]] Millis now_locked() const;
    Result<void> persist(Millis served, Millis reserved, Store& store);

    const Clock* clock_;
    mutable std::mutex mutex_;
    BootClock::time_point start_;
    Millis base_;
    Millis floor_;
    Millis reserved_;
};

} // namespace slipway::mothership
