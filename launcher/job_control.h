#pragma once

#include "common/clock.h"
#include "launcher/job_host.h"
#include "launcher/stage_end.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace slipway::launcher {

/// What others want of a job, and how its thread is woken. Thread-safe.
class JobControl {
public:
    enum class Wish : std::uint8_t {
        none,
        leave, ///< The launcher ends: what runs is stopped, what has not begun is given back.
        stop,
        kill,
    };

    /// A stronger wish replaces a weaker one.
    void ask(Wish wish, StoppedBy by = StoppedBy::request)
    {
        const std::lock_guard lock{mutex_};
        if (wish > wish_)
            by_ = by;
        wish_ = std::max(wish_, wish);
        notify();
    }

    [[nodiscard]] Wish wish() const
    {
        const std::lock_guard lock{mutex_};
        return wish_;
    }

    /// Whose wish it is.
    [[nodiscard]] StoppedBy by() const
    {
        const std::lock_guard lock{mutex_};
        return by_;
    }

    /// Something changed that the job's thread should look at.
    void changed()
    {
        const std::lock_guard lock{mutex_};
        notify();
    }

    /// Waits for a change since the last wait.
    void wait(std::chrono::milliseconds at_most, std::stop_token stop)
    {
        std::unique_lock lock{mutex_};
        changes_.wait_for(lock, std::move(stop), at_most, [this] { return pending_; });
        pending_ = false;
    }

    /// The slot that the thread waits in from now on; null: in none.
    void waits_in(JobSlot* slot)
    {
        const std::lock_guard lock{mutex_};
        slot_ = slot;
    }

    /// Stopped when preparing must end: a wish, a lost grant or a stop of the thread.
    [[nodiscard]] std::stop_source& preparing() { return preparing_; }

private:
    void notify()
    {
        pending_ = true;
        changes_.notify_all();
        if (slot_ != nullptr)
            slot_->wake();
        if (wish_ != Wish::none)
            preparing_.request_stop();
    }

    mutable std::mutex mutex_;
    std::condition_variable_any changes_;
    bool pending_ = false;
    Wish wish_ = Wish::none;
    StoppedBy by_ = StoppedBy::request;
    JobSlot* slot_ = nullptr;
    std::stop_source preparing_;
};

} // namespace slipway::launcher
