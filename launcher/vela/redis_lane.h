#pragma once

#include "launcher/vela/redis_connection.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// Until when a command must be answered, 16 MiB of element included.
inline constexpr std::chrono::seconds kRedisPatience{10};

/// One connection that threads use in turn. Thread-safe.
class RedisLane {
public:
    explicit RedisLane(const RedisAddress& address)
        : address_{address}
    {
    }

    using Use = std::function<Result<RedisReply>(RedisConnection&, const RedisWait&)>;

    /// Waits for its turn, connects if need be and calls `use`, for `patience` in all but the call; after a
    /// failure the connection is closed.
    [[nodiscard]] Result<RedisReply> use(
        const Use& use, std::stop_token stop, std::chrono::milliseconds patience = kRedisPatience);
    [[nodiscard]] Result<RedisReply> call(const std::vector<std::string_view>& words, std::stop_token stop);

private:
    const RedisAddress& address_;
    std::mutex mutex_;
    std::condition_variable_any free_;
    bool busy_ = false;
    std::unique_ptr<RedisConnection> connection_; ///< Of whom has the turn.
};

/// When a connection that is begun now must be there.
[[nodiscard]] inline RedisWait::Moment dial_deadline(const RedisAddress& address)
{
    return std::chrono::steady_clock::now() + address.dial_timeout;
}

} // namespace slipway::vela
