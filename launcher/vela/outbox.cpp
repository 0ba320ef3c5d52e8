#include "launcher/vela/outbox.h"

#include "launcher/backoff.h"

namespace slipway::vela {

namespace {

std::string mark_of(const std::string& name) { return "told." + name; }

} // namespace

Outbox::Outbox(BuildJournal& journal, const Clock& clock, Random& random, Logger logger)
    : journal_{journal}
    , clock_{clock}
    , random_{random}
    , logger_{std::move(logger)}
    , thread_{[this](std::stop_token stop) { run(std::move(stop)); }}
{
}

Outbox::~Outbox() = default;

void Outbox::end() { thread_ = {}; }

void Outbox::send(std::string name, Call call)
{
    if (journal_.find(mark_of(name)))
        return;
    {
        const std::lock_guard lock{mutex_};
        entries_.push_back({std::move(name), std::move(call)});
    }
    changed_.notify_all();
}

Outbox::Flushed Outbox::flush(std::chrono::milliseconds most, std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    const bool empty = changed_.wait_for(lock, std::move(stop), most, [&] { return entries_.empty(); });
    return empty ? Flushed::yes : Flushed::no;
}

void Outbox::run(std::stop_token stop)
{
    launcher::Backoff backoff{clock_, random_};
    bool told = false;
    while (!stop.stop_requested()) {
        std::unique_lock lock{mutex_};
        if (!changed_.wait(lock, stop, [&] { return !entries_.empty(); }))
            return;
        const Entry& entry = entries_.front(); // stays where it is until we take it out
        lock.unlock();
        const auto made = entry.call(stop);
        if (!made && made.error().code() == Errc::cancelled)
            return;
        if (!made && http::is_retryable(made.error())) {
            if (!std::exchange(told, true))
                logger_.warn("the server was not told; trying again", made.error());
            (void)backoff.wait(stop);
            continue;
        }
        told = false;
        backoff.reset();
        if (!made)
            logger_.with("call", entry.name).warn("the server refuses what it was told", made.error());
        if (const auto kept = journal_.put(mark_of(entry.name), "1", BuildJournal::Sync::later); !kept)
            logger_.warn("the journal of the build", kept.error());
        lock.lock();
        entries_.pop_front();
        lock.unlock();
        changed_.notify_all();
    }
}

} // namespace slipway::vela
