#pragma once

#include "common/error.h"
#include "common/random.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace slipway::http {

struct RetryPolicy {
    std::chrono::milliseconds base{200}; ///< Upper bound of the first delay; doubles with each attempt.
    std::chrono::milliseconds cap{30'000}; ///< Upper bound of all delays but those a server asks for.
};

/// A server that asks for more than this with Retry-After waits this long only.
inline constexpr std::chrono::minutes kLongestRetryAfter{10};

/// How long to wait after failed attempt number `attempt` (from 1): uniform in [0, min(cap, base *
/// 2^(attempt-1))]
/// ("full jitter"), so that many clients never come back in step. With `retry_after`: that time, and up to
/// `base` more.
[[nodiscard]] std::chrono::milliseconds next_delay(const RetryPolicy& policy, int attempt,
    std::optional<std::chrono::milliseconds> retry_after, Random& random);

/// Reads a Retry-After header: seconds or an HTTP date in its one current form (RFC 9110 sections 5.6.7
/// and 10.2.3). A date gone by is zero. Empty when it is neither.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now);

/// Whether the same request may succeed later: `unreachable` and `timed_out`.
[[nodiscard]] bool is_retryable(const Error& error) noexcept;

} // namespace slipway::http
