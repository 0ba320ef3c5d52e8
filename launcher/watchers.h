#pragma once

#include "common/log.h"
#include "launcher/control_socket.h"
#include "launcher/engine.h"
#include "launcher/environment.h"
#include "launcher/health_server.h"
#include "launcher/service_manager.h"
#include "launcher/status_json.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace slipway::launcher {

struct WatchersOptions {
    LauncherFacts facts;
    std::filesystem::path state_directory;
    std::string metrics_address; ///< Empty: no health and no metrics.
};

/// Those who look at an engine from outside and tell it what to do: the control socket, the health server and
/// the service manager, if there is one.
class Watchers {
public:
    Watchers() = default;
    Watchers(const Watchers&) = delete;
    Watchers& operator=(const Watchers&) = delete;
    ~Watchers();

    /// Starts them, once. `engine` outlives this. Fails with the address that cannot be listened at.
    Result<void> start(
        Engine& engine, WatchersOptions options, const Environment& environment, const Logger& logger);

    /// For EngineServices::on_change; also before the start.
    void changed();
    /// Does `reload`, and lets the service manager know.
    void around_reload(const std::function<void()>& reload);

private:
    WatchersOptions options_;
    std::atomic<ServiceManager*> told_{nullptr};
    std::optional<ServiceManager> service_;
    std::optional<HealthServer> health_;
    std::optional<ControlServer> control_; ///< Last: it changes what the others tell.
};

} // namespace slipway::launcher
