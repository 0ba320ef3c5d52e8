#include "test/bench/redis_monitor.h"

#include <stdexcept>
#include <string>

namespace slipway::bench {

namespace {

constexpr std::chrono::seconds kSoon{30};

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().in("redis-cli MONITOR").message()};
    return *std::move(result);
}

} // namespace

RedisMonitor::RedisMonitor(const test::RedisServer& redis)
    : process_{must(test::Process::start({.argv = {"redis-cli", "-s", redis.socket().string(), "MONITOR"},
        .env = {},
        .directory = {},
        .log = {}}))}
{
    (void)must(process_.read_until("OK", kSoon));
}

Wall RedisMonitor::next(std::string_view text)
{
    // 1700000000.123456 [0 127.0.0.1:40000] "RPUSH" "vela" …
    const auto read = must(process_.read_until(text, kSoon));
    const auto line = read.rfind('\n', read.size() - 2);
    const std::chrono::duration<double> since{
        std::stod(read.substr(line == std::string::npos ? 0 : line + 1))};
    return Wall{std::chrono::duration_cast<Wall::duration>(since)};
}

} // namespace slipway::bench
