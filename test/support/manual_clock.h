#pragma once

#include "common/clock.h"

#include <atomic>

namespace slipway::test {

/// A clock that moves only when told to. `sleep_for` advances it and returns at once, so that code which
/// sleeps runs to its end without waiting. Thread-safe.
class ManualClock final : public Clock {
public:
    explicit ManualClock(
        std::chrono::system_clock::time_point wall = std::chrono::sys_days{std::chrono::year{2026} / 1 / 2});

    [[nodiscard]] std::chrono::system_clock::time_point wall() const override;
    [[nodiscard]] BootClock::time_point now() const override;
    Slept sleep_for(std::chrono::nanoseconds time, std::stop_token stop) const override;

    /// Moves both clocks.
    void advance(std::chrono::nanoseconds time);
    /// Moves the wall clock alone, as an administrator or NTP does.
    void step_wall(std::chrono::nanoseconds time);
    /// How long callers asked to sleep so far.
    [[nodiscard]] std::chrono::nanoseconds slept() const;

private:
    std::chrono::system_clock::time_point start_;
    /// The machine has been up for a second when the clock starts, so that no time since boot is 0.
    static constexpr std::int64_t kBooted = 1'000'000'000;
    mutable std::atomic<std::int64_t> elapsed_{kBooted};
    std::atomic<std::int64_t> stepped_{0};
    mutable std::atomic<std::int64_t> slept_{0};
};

} // namespace slipway::test
