#include "launcher/watchers.h"

#include <unistd.h>

namespace slipway::launcher {

namespace {

std::string reasons_of(const EngineStatus& status, std::string_view url)
{
    std::string text;
    for (const auto& hold : holds(status, url))
        text += hold.text + "\n";
    return text;
}

std::string hangs(const EngineStatus& status)
{
    return status.stalled < kLongestStep
        ? std::string{}
        : "a loop of the launcher has hung for " + human_duration(status.stalled) + "\n";
}

Result<std::string> obey(Engine& engine, const ControlRequest& request, const LauncherFacts& facts)
{
    switch (request.what) {
    case ControlRequest::Do::status:
        break;
    case ControlRequest::Do::drain:
        SLIPWAY_TRY(engine.pause());
        break;
    case ControlRequest::Do::leave:
        engine.drain(DrainBy::exit_command);
        break;
    case ControlRequest::Do::undrain:
        SLIPWAY_TRY(engine.resume());
        break;
    case ControlRequest::Do::stop:
        SLIPWAY_TRY(engine.stop_job(request.job));
        break;
    }
    return status_json(engine.status(), facts);
}

} // namespace

Watchers::~Watchers()
{
    control_.reset();
    told_ = nullptr;
}

Result<void> Watchers::start(
    Engine& engine, WatchersOptions options, const Environment& environment, const Logger& logger)
{
    options_ = std::move(options);
    const auto& facts = options_.facts;
    if (!options_.metrics_address.empty()) {
        const auto address
            = SLIPWAY_TRY(in("SLIPWAY_METRICS_ADDRESS", read_health_address(options_.metrics_address)));
        health_.emplace(SLIPWAY_TRY(in("SLIPWAY_METRICS_ADDRESS",
            HealthServer::listen(address,
                {.metrics = [&] { return metrics_text(engine.status(), engine.tally(), facts); },
                    .not_ready = [&] { return reasons_of(engine.status(), facts.url); },
                    .not_healthy = [&] { return hangs(engine.status()); }},
                logger))));
        logger.info("serving health and metrics", {{"address", options_.metrics_address}});
    }
    if (const auto socket = environment.find("NOTIFY_SOCKET")) {
        service_.emplace(ServiceManagerOptions{.socket = std::string{*socket},
            .watchdog = watchdog_interval(
                environment.find("WATCHDOG_USEC"), environment.find("WATCHDOG_PID"), ::getpid()),
            .status = [&] { return engine.status(); },
            .url = facts.url});
        told_ = &*service_;
    }
    control_.emplace(SLIPWAY_TRY(ControlServer::listen(options_.state_directory,
        [&](const ControlRequest& request) { return obey(engine, request, options_.facts); })));
    return {};
}

void Watchers::changed()
{
    if (auto* const service = told_.load())
        service->changed();
}

void Watchers::around_reload(const std::function<void()>& reload)
{
    if (auto* const service = told_.load())
        service->around_reload(reload);
    else
        reload();
}

} // namespace slipway::launcher
