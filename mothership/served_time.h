#pragma once

#include "common/clock.h"
#include "mothership/model.h"

#include <mutex>

namespace slipway::mothership {

/// Milliseconds during which this control plane has served: what leases are counted in. Stands still while it
/// does not run, never steps back, and is never ahead of the truth: after a kill it waits at the highest
/// value that may have been handed out until the time really served has caught up. Thread-safe.
///
/// It goes no further than what the store has reserved: a `Reservation` is made, written, and then taken, by
/// one thread at a time.
class ServedTime {
public:
    struct Reservation {
        Millis served = 0;
        Millis reserved = 0;
        Millis floor = 0;
        BootClock::time_point at;
    };

    /// Goes on from what the store holds, as soon as a reservation is taken.
    ServedTime(const Clock& clock, const Meta& meta);

    ServedTime(ServedTime&& other) noexcept;

    [[nodiscard]] Millis now() const;

    /// The next seconds; wanted about once a second. Without it time stands still at the end of the last one.
    [[nodiscard]] Reservation next() const;
    /// Gives back what was not used.
    [[nodiscard]] Reservation last() const;
    /// Goes on from `seen`, which the store has forgotten.
    [[nodiscard]] Reservation from(Millis seen) const;
    /// The store has it.
    void take(const Reservation& reservation);

private:
    [[nodiscard]] Millis now_locked() const;

    const Clock* clock_;
    mutable std::mutex mutex_;
    Reservation now_;
};

} // namespace slipway::mothership
