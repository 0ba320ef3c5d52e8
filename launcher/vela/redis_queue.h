#pragma once

#include "common/random.h"
#include "launcher/backoff.h"
#include "launcher/vela/queue.h"
#include "launcher/vela/redis_lane.h"
#include "launcher/vela/redis_list.h"
#include "launcher/vela/redis_waiters.h"

#include <atomic>
#include <mutex>
#include <set>

namespace slipway::vela {

class RedisQueue final : public Queue {
public:
    RedisQueue(RedisAddress address, std::string own_list, const Logger& logger);

    Result<std::optional<Taken>> take(const std::vector<std::string>& routes, std::chrono::milliseconds wait,
        std::stop_token stop) override;
    Result<void> done(const Taken& taken, std::stop_token stop) override;
    Result<void> give_back(const Taken& taken, std::stop_token stop) override;
    Result<std::vector<Taken>> left_over(std::stop_token stop) override;
    Result<void> ping(std::stop_token stop) override;

private:
    using Routes = std::vector<std::string>;
    using Found = Result<std::optional<Taken>>;

    Found attempt(const Routes& routes, std::chrono::milliseconds wait, std::stop_token stop);
    Result<void> probe(std::stop_token stop);
    Found move_now(const Routes& routes, std::stop_token stop);
    Found wait_for_move(const Routes& routes, std::chrono::milliseconds wait, std::stop_token stop);
    Found wait_for_pop(const Routes& routes, std::chrono::milliseconds wait, std::stop_token stop);
    Found reclaim(std::stop_token stop);
    Found settle(std::vector<Taken> came, const RedisWaiters::Outcome& outcome, const std::stop_token& stop);
    Result<void> return_popped(const Taken& taken, std::stop_token stop);
    void pop_from_now_on(const RedisReply& reply);

    const RedisAddress address_;
    const Logger logger_;
    RedisLane lane_;
    RedisList own_;
    RedisWaiters waiters_; ///< The taking thread's, as what follows.
    SystemClock clock_;
    SystemRandom random_;
    launcher::Backoff backoff_;
    bool probed_ = false;
    bool pops_ = false; ///< Redis refuses to move.
    bool unsure_ = false; ///< The list may hold an element that nobody has seen.
    std::mutex mutex_;
    std::set<std::string> popped_; ///< Elements in our hands that are in no list.
};

} // namespace slipway::vela
