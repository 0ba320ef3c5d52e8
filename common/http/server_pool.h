#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace slipway::http {

/// The threads that handlers run on. Work is taken in its order and must not throw. The destructor does what
/// was submitted before and then joins.
class HandlerPool {
public:
    explicit HandlerPool(std::size_t threads)
    {
        for (std::size_t i = 0; i < threads; ++i)
            threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }

    HandlerPool(const HandlerPool&) = delete;
    HandlerPool& operator=(const HandlerPool&) = delete;
    ~HandlerPool() = default;

    void submit(std::function<void()> task)
    {
        {
            const std::lock_guard lock{mutex_};
            tasks_.push_back(std::move(task));
        }
        ready_.notify_one();
    }

private:
    void work(const std::stop_token& stop)
    {
        std::unique_lock lock{mutex_};
        while (ready_.wait(lock, stop, [this] { return !tasks_.empty(); })) {
            auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            task = nullptr;
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any ready_;
    std::deque<std::function<void()>> tasks_;
    std::vector<std::jthread> threads_;
};

} // namespace slipway::http
