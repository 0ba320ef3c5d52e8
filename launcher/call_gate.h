#pragma once

#include "common/result.h"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace slipway::launcher {

/// How many calls of one kind are under way at the engine at once. Thread-safe.
class CallGate {
public:
    explicit CallGate(int places)
        : free_{places}
    {
    }

    /// A place; leaves with this object.
    class Pass {
    public:
        explicit Pass(CallGate& gate)
            : gate_{&gate}
        {
        }

        Pass(Pass&& other) noexcept
            : gate_{std::exchange(other.gate_, nullptr)}
        {
        }

        Pass& operator=(Pass&&) = delete;

        ~Pass()
        {
            if (gate_ != nullptr)
                gate_->leave();
        }

    private:
        CallGate* gate_;
    };

    /// Waits for a place; `cancelled` when stopped.
    Result<Pass> enter(std::stop_token stop)
    {
        std::unique_lock lock{mutex_};
        if (!changed_.wait(lock, std::move(stop), [this] { return free_ > 0; }))
            return Error{Errc::cancelled, "waiting for a turn at the engine was cancelled"};
        --free_;
        return Pass{*this};
    }

private:
    void leave()
    {
        const std::lock_guard lock{mutex_};
        ++free_;
        changed_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    int free_;
};

} // namespace slipway::launcher
