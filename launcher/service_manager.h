#pragma once

#include "common/result.h"
#include "launcher/status.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace slipway::launcher {

/// One message to the service manager over the datagram socket that NOTIFY_SOCKET names, a path or, from '@'
/// on, an abstract name (sd_notify(3), "Notes" describes the protocol). By hand, since libsystemd would bring
/// five libraries for these lines. Never waits: `unreachable` or `internal` when it is not taken at once.
Result<void> notify_service_manager(std::string_view socket, std::string_view message);

struct ServiceManagerOptions {
    std::string socket; ///< NOTIFY_SOCKET.
    /// Half of WATCHDOG_USEC; nothing: no watchdog asks.
    std::optional<std::chrono::microseconds> watchdog;
    std::function<EngineStatus()> status;
    std::string url; ///< Of the control plane.
};

/// Of WATCHDOG_USEC and WATCHDOG_PID (sd_watchdog_enabled(3)): how often to give a sign of life.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval(
    std::optional<std::string_view> usec, std::optional<std::string_view> pid, int our_pid);

/// Tells the service manager how the launcher is: READY=1 once it is registered and its first poll was sent,
/// STATUS= with each change, STOPPING=1 when it ends with what it holds, and WATCHDOG=1 while the engine's
/// two loops go on. Has a thread of its own.
class ServiceManager {
public:
    explicit ServiceManager(ServiceManagerOptions options);
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;
    ~ServiceManager();

    /// The status says something new. Any thread; returns at once.
    void changed();
    /// RELOADING=1, what `reload` does, READY=1. Before the first READY=1 nothing is told of it.
    void around_reload(const std::function<void()>& reload);

private:
    void run(std::stop_token stop);
    void tell();

    const ServiceManagerOptions options_;
    std::mutex mutex_;
    std::condition_variable_any changes_;
    bool pending_ = true; ///< Guarded by mutex_.
    std::atomic<bool> ready_{false};
    bool stopping_ = false; ///< This and the next one are the thread's.
    std::string told_;
    std::jthread thread_;
};

/// One line for people, as `systemctl status` shows it.
[[nodiscard]] std::string status_line(const EngineStatus& status, std::string_view url);

} // namespace slipway::launcher
