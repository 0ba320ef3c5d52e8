#pragma once

#include "common/log.h"
#include "launcher/vela/queue.h"
#include "launcher/vela/redis_lane.h"

#include <cstddef>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::vela {

/// This worker's list, and which of its elements are in our hands. Thread-safe.
class RedisList {
public:
    RedisList(std::string key, RedisLane& lane, const Logger& logger)
        : key_{std::move(key)}
        , lane_{lane}
        , logger_{logger}
    {
    }

    [[nodiscard]] const std::string& key() const noexcept { return key_; }

    /// An element was moved into the list and is in our hands.
    void hold(const std::string& element);
    /// It is in our hands no more, but still in the list.
    void forget(const std::string& element);
    /// Up to `most` elements that lie in the list and are in nobody's hands; they are in ours now.
    [[nodiscard]] Result<std::vector<Taken>> claim(std::size_t most, std::stop_token stop);
    [[nodiscard]] Result<void> remove(const std::string& element, std::stop_token stop);
    /// From the list to the head of `route`; nothing happens when it is not in the list any more.
    [[nodiscard]] Result<void> move_back(
        const std::string& element, const std::string& route, std::stop_token stop);

private:
    [[nodiscard]] bool is_held(const std::string& element);

    void bury(std::size_t index, std::stop_token stop);

    const std::string key_;
    RedisLane& lane_;
    const Logger logger_;
    std::mutex mutex_;
    std::set<std::string> held_;
};

} // namespace slipway::vela
