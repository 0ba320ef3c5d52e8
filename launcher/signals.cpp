#include "launcher/signals.h"

#include <pthread.h>

#include <cerrno>

namespace slipway::launcher {

namespace {

/// Wakes our own thread so that it ends; nobody outside has a reason to send it.
constexpr int kWake = SIGUSR1;

sigset_t handled_signals()
{
    sigset_t set{};
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, kWake})
        ::sigaddset(&set, signal);
    return set;
}

void serve(const SignalActions& actions, const std::stop_token& stop)
{
    const sigset_t set = handled_signals();
    bool draining = false;
    while (!stop.stop_requested()) {
        int signal = 0;
        if (::sigwait(&set, &signal) != 0)
            continue;
        if (signal == SIGUSR2) {
            actions.hand_over();
        } else if (signal == SIGHUP) {
            actions.reload();
        } else if (signal == SIGTERM || signal == SIGINT) {
            draining ? actions.stop_jobs() : actions.drain();
            draining = true;
        }
    }
}

} // namespace

Result<void> Signals::block()
{
    const sigset_t set = handled_signals();
    if (const int failure = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); failure != 0)
        return Error::from_errno("blocking signals", failure);
    if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return Error::from_errno("ignoring SIGPIPE", errno);
    return {};
}

Signals::Signals(SignalActions actions)
    : thread_{[actions = std::move(actions)](const std::stop_token& stop) { serve(actions, stop); }}
{
}

Signals::~Signals()
{
    thread_.request_stop();
    ::pthread_kill(thread_.native_handle(), kWake);
}

} // namespace slipway::launcher
