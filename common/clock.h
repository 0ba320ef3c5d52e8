#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

namespace slipway {

/// Time since the machine booted, time in suspend included (CLOCK_BOOTTIME). Never steps.
struct BootClock {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
};

/// Time as an injected value, so that tests own it. All methods are thread-safe.
class Clock {
public:
    virtual ~Clock() = default;

    /// The wall clock: for people and certificates, never for leases.
    [[nodiscard]] virtual std::chrono::system_clock::time_point wall() const = 0;

    /// For every interval and deadline.
    [[nodiscard]] virtual BootClock::time_point now() const = 0;

    enum class Slept { whole, stopped };

    /// Waits for `time` or until a stop is requested.
    virtual Slept sleep_for(std::chrono::nanoseconds time, std::stop_token stop) const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] std::chrono::system_clock::time_point wall() const override;
    [[nodiscard]] BootClock::time_point now() const override;
    Slept sleep_for(std::chrono::nanoseconds time, std::stop_token stop) const override;
};

/// RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z
[[nodiscard]] std::string format_rfc3339(std::chrono::system_clock::time_point time);

} // namespace slipway
