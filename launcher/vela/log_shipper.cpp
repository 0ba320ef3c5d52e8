#include "launcher/vela/log_shipper.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// How often logs are looked at: a look costs nothing.
constexpr std::chrono::milliseconds kLook{100};

} // namespace

LogShipper::LogShipper(Logger logger)
    : logger_{std::move(logger)}
    , thread_{[this](std::stop_token stop) { run(std::move(stop)); }}
{
}

LogShipper::~LogShipper() = default;

void LogShipper::end() { thread_ = {}; }

void LogShipper::add(ContainerLog& log)
{
    {
        const std::lock_guard lock{mutex_};
        held_.push_back({&log, false});
    }
    changed_.notify_all();
}

void LogShipper::finish(ContainerLog& log)
{
    {
        const std::lock_guard lock{mutex_};
        for (auto& held : held_)
            held.finished = held.finished || held.log == &log;
    }
    changed_.notify_all();
}

void LogShipper::hurry()
{
    {
        const std::lock_guard lock{mutex_};
        hurry_ = true;
    }
    changed_.notify_all();
}

bool LogShipper::has_finished() const
{
    return std::ranges::any_of(held_, [](const Held& held) { return held.finished; });
}

LogShipper::Flushed LogShipper::flush(std::chrono::milliseconds most, std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    const bool done = changed_.wait_for(lock, std::move(stop), most, [&] { return !has_finished(); });
    return done ? Flushed::yes : Flushed::no;
}

void LogShipper::run(std::stop_token stop)
{
    bool told = false;
    while (!stop.stop_requested()) {
        std::unique_lock lock{mutex_};
        (void)changed_.wait(lock, stop, [&] { return !held_.empty(); });
        (void)changed_.wait_for(lock, stop, kLook, [&] { return hurry_ || has_finished(); });
        hurry_ = false;
        if (stop.stop_requested())
            return;
        const auto logs = held_;
        lock.unlock();
        for (const auto& [log, finished] : logs) {
            if (finished) {
                if (const auto sent = log->finish(stop); !sent && sent.error().code() == Errc::cancelled)
                    return;
                else if (!sent)
                    logger_.warn("the end of a log was not taken by the server", sent.error());
                const std::lock_guard again{mutex_};
                std::erase_if(held_, [&](const Held& held) { return held.log == log; });
                continue;
            }
            const auto next = log->ship(stop);
            if (!next && !std::exchange(told, true))
                logger_.warn("a log was not taken by the server; trying again", next.error());
            if (next)
                told = false;
        }
        changed_.notify_all();
    }
}

} // namespace slipway::vela
