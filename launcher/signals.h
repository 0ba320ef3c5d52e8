#pragma once

#include "common/result.h"

#include <csignal>
#include <functional>
#include <thread>

namespace slipway::launcher {

/// What the process does when it is told to. Each runs on the signal thread and returns soon.
struct SignalActions {
    std::function<void()> drain; ///< The first TERM or INT.
    std::function<void()> stop_jobs; ///< The second one, and each after that.
    std::function<void()> hand_over; ///< USR2.
    std::function<void()> reload; ///< HUP.
};

/// The signals of the launcher, taken by one thread with sigwait(3), so that nothing runs in a handler.
class Signals {
public:
    /// Blocks them in this thread and all that it starts from now on: call it before the first thread. PIPE
    /// is ignored.
    static Result<void> block();

    /// Starts the thread. `block` was called.
    explicit Signals(SignalActions actions);
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    /// Ends the thread.
    ~Signals();

private:
    std::jthread thread_;
};

} // namespace slipway::launcher
