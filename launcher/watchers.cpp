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

Result<void> obey(Engine& engine, const ControlRequest& request)
{
    switch (request.what) {
    case ControlRequest::Do::status:
        break;
    case ControlRequest::Do::drain:
        return engine.pause();
    case ControlRequest::Do::leave:
        engine.drain(DrainBy::exit_command);
        break;
    case ControlRequest::Do::undrain:
        return engine.resume();
    case ControlRequest::Do::stop:
        return engine.stop_job(request.job);
    }
    return {};
}

} // namespace

void News::changed()
{
    const std::lock_guard lock{mutex_};
    if (service_ != nullptr)
        service_->changed();
}

void News::go_to(ServiceManager* service)
{
    const std::lock_guard lock{mutex_};
    service_ = service;
}

Watchers::~Watchers()
{
    control_.reset();
    news_.go_to(nullptr);
}

Watchers::Subject watched(Engine& engine, const LauncherFacts& facts)
{
    return {.status = [&engine] { return engine.status(); },
        .metrics = [&engine, facts] { return metrics_text(engine.status(), engine.tally(), facts); },
        .obey = [&engine](const ControlRequest& request) { return obey(engine, request); }};
}

Result<void> Watchers::start(
    Subject subject, WatchersOptions options, const Environment& environment, const Logger& logger)
{
    options_ = std::move(options);
    subject_ = std::move(subject);
    const auto& facts = options_.facts;
    if (!options_.metrics_address.empty()) {
        const auto address
            = SLIPWAY_TRY(in("SLIPWAY_METRICS_ADDRESS", read_health_address(options_.metrics_address)));
        health_.emplace(SLIPWAY_TRY(in("SLIPWAY_METRICS_ADDRESS",
            HealthServer::listen(address,
                {.metrics = subject_.metrics,
                    .not_ready = [&] { return reasons_of(subject_.status(), facts.url); },
                    .not_healthy = [&] { return hangs(subject_.status()); }},
                logger))));
        logger.info("serving health and metrics", {{"address", options_.metrics_address}});
    }
    if (const auto socket = environment.find("NOTIFY_SOCKET")) {
        service_.emplace(ServiceManagerOptions{.socket = std::string{*socket},
            .watchdog = watchdog_interval(
                environment.find("WATCHDOG_USEC"), environment.find("WATCHDOG_PID"), ::getpid()),
            .status = subject_.status,
            .url = facts.url});
        news_.go_to(&*service_);
    }
    const auto answer = [&](const ControlRequest& request) -> Result<std::string> {
        if (request.what != ControlRequest::Do::status)
            SLIPWAY_TRY(subject_.obey(request));
        return status_json(subject_.status(), options_.facts);
    };
    control_.emplace(SLIPWAY_TRY(ControlServer::listen(options_.state_directory, answer)));
    return {};
}

void Watchers::around_reload(const std::function<void()>& reload)
{
    if (service_)
        service_->around_reload(reload);
    else
        reload();
}

} // namespace slipway::launcher
