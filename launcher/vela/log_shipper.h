#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "launcher/vela/build_log.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace slipway::vela {

/// Brings the logs of a build to the server as they grow. The logs outlive its thread. Thread-safe.
class LogShipper {
public:
    /// Starts the thread.
    explicit LogShipper(Logger logger);
    LogShipper(const LogShipper&) = delete;
    LogShipper& operator=(const LogShipper&) = delete;
    ~LogShipper();

    /// Ends the thread, before the logs go. The destructor does it, too.
    void end();

    /// From now on it is looked at.
    void add(ContainerLog& log);
    /// It does not grow any more: it is brought to the server whole, and not looked at again.
    void finish(ContainerLog& log);

    /// A first byte has come: what is due is sent at once.
    void hurry();

    enum class Flushed : bool { no, yes };
    /// Waits until every log that was finished is with the server, `most` at longest.
    Flushed flush(std::chrono::milliseconds most, std::stop_token stop);

private:
    void run(std::stop_token stop);
    [[nodiscard]] bool has_finished() const; // mutex_ is held.

    struct Held {
        ContainerLog* log = nullptr;
        bool finished = false;
    };

    Logger logger_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<Held> held_;
    bool hurry_ = false;
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::vela
