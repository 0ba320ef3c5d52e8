#pragma once

#include "common/log.h"
#include "launcher/control_socket.h"
#include "launcher/engine.h"
#include "launcher/environment.h"
#include "launcher/health_server.h"
#include "launcher/service_manager.h"
#include "launcher/status_json.h"

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace slipway::launcher {

struct WatchersOptions {
    LauncherFacts facts;
    std::filesystem::path state_directory;
    std::string metrics_address; ///< Empty: no health and no metrics.
};

/// Brings news of an engine to the service manager, while somebody looks at it. Made before the engine and
/// the watchers, each of which uses the other, so that a thread of the engine may tell at any time.
/// Thread-safe.
class News {
public:
    /// For EngineServices::on_change.
    void changed();

private:
    friend class Watchers;
    void go_to(ServiceManager* service); ///< Null: to nobody. When this returns, nobody else is being told.

    std::mutex mutex_;
    ServiceManager* service_ = nullptr;
};

/// Those who look at an engine, or a worker of another control plane, from outside and tell it what to do:
/// the control socket, the health server and the service manager, if there is one.
class Watchers {
public:
    /// What is looked at; any thread calls these while the watchers live.
    struct Subject {
        std::function<EngineStatus()> status;
        std::function<std::string()> metrics;
        /// Any request but that for the status.
        std::function<Result<void>(const ControlRequest&)> obey;
    };

    /// `news` outlives them.
    explicit Watchers(News& news)
        : news_{news}
    {
    }

    Watchers(const Watchers&) = delete;
    Watchers& operator=(const Watchers&) = delete;
    ~Watchers();

    /// Starts them, once. Fails with the address that cannot be listened at.
    Result<void> start(
        Subject subject, WatchersOptions options, const Environment& environment, const Logger& logger);

    /// Does `reload`, and lets the service manager know.
    void around_reload(const std::function<void()>& reload);

private:
    News& news_;
    WatchersOptions options_;
    Subject subject_;
    std::optional<ServiceManager> service_;
    std::optional<HealthServer> health_;
    std::optional<ControlServer> control_; ///< Last: it changes what the others tell.
};

/// `engine` outlives what is returned.
[[nodiscard]] Watchers::Subject watched(Engine& engine, const LauncherFacts& facts);

} // namespace slipway::launcher
