#include "launcher/signals.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

using namespace slipway;
using namespace slipway::launcher;

namespace {

/// Records what was called, in order.
class Calls {
public:
    SignalActions actions()
    {
        return {.drain = [this] { add("drain"); },
            .stop_jobs = [this] { add("stop"); },
            .hand_over = [this] { add("hand over"); },
            .reload = [this] { add("reload"); }};
    }

    std::vector<std::string> wait_for(std::size_t count)
    {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return names_.size() >= count; });
        return names_;
    }

private:
    void add(const char* name)
    {
        const std::lock_guard lock{mutex_};
        names_.emplace_back(name);
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> names_;
};

/// The signals of the launcher are blocked only while a case runs.
class BlockedSignals {
public:
    BlockedSignals()
    {
        ::pthread_sigmask(SIG_SETMASK, nullptr, &before_);
        REQUIRE(Signals::block());
    }

    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

    ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

} // namespace

TEST_CASE("the first TERM drains and the next ones stop the jobs", "[launcher]")
{
    const BlockedSignals blocked;
    Calls calls;
    const Signals signals{calls.actions()};
    ::kill(::getpid(), SIGTERM);
    CHECK(calls.wait_for(1) == std::vector<std::string>{"drain"});
    ::kill(::getpid(), SIGINT);
    CHECK(calls.wait_for(2) == std::vector<std::string>{"drain", "stop"});
    ::kill(::getpid(), SIGTERM);
    CHECK(calls.wait_for(3) == std::vector<std::string>{"drain", "stop", "stop"});
}

TEST_CASE("USR2 hands over and HUP reloads, and neither counts as a TERM", "[launcher]")
{
    const BlockedSignals blocked;
    Calls calls;
    const Signals signals{calls.actions()};
    ::kill(::getpid(), SIGHUP);
    calls.wait_for(1);
    ::kill(::getpid(), SIGUSR2);
    calls.wait_for(2);
    ::kill(::getpid(), SIGINT);
    CHECK(calls.wait_for(3) == std::vector<std::string>{"reload", "hand over", "drain"});
}

TEST_CASE("the signal thread ends without a signal from outside", "[launcher]")
{
    const BlockedSignals blocked;
    Calls calls;
    {
        const Signals signals{calls.actions()};
    }
    CHECK(calls.wait_for(0).empty());
}
