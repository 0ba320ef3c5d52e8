#pragma once

#include "common/clock.h"
#include "common/http/retry.h"
#include "common/random.h"

#include <chrono>
#include <stop_token>

namespace slipway::launcher {

/// The waits between attempts at something that must succeed in the end: growing, with jitter. What a server
/// asks for with Retry-After, the backend waits for. One thread.
class Backoff {
public:
    Backoff(const Clock& clock, Random& random, std::chrono::milliseconds cap = std::chrono::seconds{15})
        : clock_{clock}
        , random_{random}
        , policy_{.base = std::chrono::milliseconds{200}, .cap = cap}
    {
    }

    /// The last attempt was good: the next failure starts from the shortest wait.
    void reset() noexcept { failures_ = 0; }

    /// The last attempt failed: how long to wait before the next one.
    std::chrono::milliseconds next()
    {
        // Never no wait at all: a side that refuses at once must not be asked in a busy loop.
        return std::chrono::milliseconds{20} + http::next_delay(policy_, ++failures_, {}, random_);
    }

    /// The last attempt failed: waits before the next one.
    Clock::Slept wait(std::stop_token stop) { return clock_.sleep_for(next(), std::move(stop)); }

    [[nodiscard]] int failures() const noexcept { return failures_; }

private:
    const Clock& clock_;
    Random& random_;
    http::RetryPolicy policy_;
    int failures_ = 0;
};

} // namespace slipway::launcher
