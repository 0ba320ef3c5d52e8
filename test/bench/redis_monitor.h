#pragma once

#include "test/support/process.h"
#include "test/support/redis_server.h"

#include <chrono>
#include <string_view>

namespace slipway::bench {

using Wall = std::chrono::system_clock::time_point;

/// Tells when a Redis was asked for what, by its own clock: what it costs to push an element from a shell is
/// in no measurement. Failures are thrown as std::runtime_error.
class RedisMonitor {
public:
    /// Everything that is asked from now on. `redis` outlives it.
    explicit RedisMonitor(const test::RedisServer& redis);

    /// Takes the next call whose words hold `text`; when it came.
    [[nodiscard]] Wall next(std::string_view text);

private:
    test::Process process_;
};

} // namespace slipway::bench
