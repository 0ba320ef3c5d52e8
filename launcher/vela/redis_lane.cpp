#include "launcher/vela/redis_lane.h"

#include <algorithm>

namespace slipway::vela {

Result<RedisReply> RedisLane::use(const Use& use, std::stop_token stop, std::chrono::milliseconds patience)
{
    const auto until = std::chrono::steady_clock::now() + patience;
    {
        std::unique_lock lock{mutex_};
        if (!free_.wait_until(lock, stop, until, [this] { return !busy_; }) && !stop.stop_requested())
            return Error{Errc::timed_out, "another command to Redis did not end in time"};
        if (stop.stop_requested())
            return Error{Errc::cancelled, "stopped while waiting for Redis"};
        busy_ = true;
    }
    const auto work = [&]() -> Result<RedisReply> {
        if (!connection_)
            connection_ = SLIPWAY_TRY(
                RedisConnection::open(address_, RedisWait{std::min(until, dial_deadline(address_)), stop}));
        return use(*connection_, RedisWait{std::chrono::steady_clock::now() + patience, stop});
    };
    auto result = work();
    // What passes may stay as it is on this server: the next attempt asks anew who the master is.
    if (!result || is_passing(*result))
        connection_.reset();
    {
        const std::lock_guard lock{mutex_};
        busy_ = false;
    }
    free_.notify_one();
    return result;
}

Result<RedisReply> RedisLane::call(const std::vector<std::string_view>& words, std::stop_token stop)
{
    return use(
        [&](RedisConnection& connection, const RedisWait& wait) { return connection.call(words, wait); },
        std::move(stop));
}

} // namespace slipway::vela
