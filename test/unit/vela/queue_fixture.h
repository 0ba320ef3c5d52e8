#pragma once

#include "common/file.h"
#include "launcher/vela/queue.h"
#include "test/support/redis_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace slipway::vela {

using namespace std::chrono_literals;

/// One worker's queue, with its log.
class Worker {
public:
    explicit Worker(const std::string& address, bool sentinel = false)
    {
        auto queue = Queue::open(
            {.address = Secret{address}, .sentinel = sentinel, .own_list = "own"}, Logger{sink_});
        REQUIRE(queue);
        queue_ = *std::move(queue);
    }

    Queue* operator->() { return queue_.get(); }

    /// "route:element", "nothing", or "error: …".
    std::string take(const std::vector<std::string>& routes, std::chrono::milliseconds wait = 0ms,
        std::stop_token stop = {})
    {
        const auto taken = queue_->take(routes, wait, std::move(stop));
        if (!taken)
            return "error: " + taken.error().message();
        return *taken ? (*taken)->route + ":" + (*taken)->element : "nothing";
    }

    std::string log() { return read_file(directory_.path() / "log", 1U << 20U).value_or(""); }

    std::size_t count(const std::string& text)
    {
        std::size_t found = 0;
        const std::string all = log();
        for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
            ++found;
        return found;
    }

private:
    test::TempDir directory_;
    UniqueFd file_{
        ::open((directory_.path() / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)};
    SystemClock clock_;
    LogSink sink_{file_.get(), LogFormat::logfmt, LogLevel::debug, clock_};
    std::unique_ptr<Queue> queue_;
};

inline std::string address_of(const test::RedisServer& redis) { return "redis://" + redis.host(); }

/// Takes in a thread of its own, so that the test can do something meanwhile.
class Taker {
public:
    Taker(Worker& worker, std::vector<std::string> routes, std::chrono::milliseconds wait)
        : thread_{[this, &worker, wait, routes = std::move(routes)](
                      const std::stop_token& stop) { result_ = worker.take(routes, wait, stop); }}
    {
    }

    void stop() { thread_.request_stop(); }

    std::string result()
    {
        thread_.join();
        return result_;
    }

private:
    std::string result_;
    std::jthread thread_;
};

} // namespace slipway::vela
