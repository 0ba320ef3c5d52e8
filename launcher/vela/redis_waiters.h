#pragma once

#include "launcher/vela/redis_lane.h"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::vela {

/// Blocking commands side by side, each on a connection of its own. One thread; shares the lane.
class RedisWaiters {
public:
    RedisWaiters(const RedisAddress& address, RedisLane& lane)
        : address_{address}
        , lane_{lane}
    {
    }

    struct Outcome {
        /// One a command, in their order; nil: nothing came.
        std::vector<RedisReply> replies;
        /// A connection broke: what its command took is not known.
        bool unsure = false;
        /// Why no reply came, if that is not the end of the time: a stop, a loss.
        Result<void> end;
    };

    /// Sends the commands and returns with the first answer, when `wait` is over or when it is stopped. None
    /// of them is left waiting: what the others took meanwhile is in the replies too.
    [[nodiscard]] Outcome run(const std::vector<std::vector<std::string>>& commands,
        std::chrono::milliseconds wait, std::stop_token stop);

private:
    struct Waiter {
        std::unique_ptr<RedisConnection> connection;
        bool pending = false;
    };

    [[nodiscard]] Result<void> send(
        const std::vector<std::vector<std::string>>& commands, std::stop_token stop);
    [[nodiscard]] Result<void> first_answer(Outcome& outcome, const RedisWait& wait);
    [[nodiscard]] bool unblock();
    void settle(Outcome& outcome);

    const RedisAddress& address_;
    RedisLane& lane_;
    std::vector<Waiter> waiters_;
};

} // namespace slipway::vela
