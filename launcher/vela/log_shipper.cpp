#include "launcher/vela/log_shipper.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// The longest pause without a look at the logs.
constexpr std::chrono::milliseconds kLook{400};
/// The shortest: output comes in many small pieces.
constexpr std::chrono::milliseconds kRest{100};

} // namespace

LogShipper::LogShipper(Logger logger)
    : logger_{std::move(logger)}
    , thread_{[this](std::stop_token stop) { run(std::move(stop)); }}
{
}

LogShipper::~LogShipper() = default;

void LogShipper::add(ContainerLog& log)
{
    const std::lock_guard lock{mutex_};
    held_.push_back({&log, false});
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
    std::chrono::milliseconds due = kLook;
    bool told = false;
    while (!stop.stop_requested()) {
        std::unique_lock lock{mutex_};
        (void)changed_.wait_for(lock, stop, due, [&] { return has_finished(); });
        if (stop.stop_requested())
            return;
        const auto logs = held_;
        lock.unlock();
        due = kLook;
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
            if (next) {
                told = false;
                due = std::min(due, *next);
            }
        }
        changed_.notify_all();
        due = std::max(due, kRest);
    }
}

} // namespace slipway::vela
