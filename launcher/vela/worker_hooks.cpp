#include "common/json.h"
#include "launcher/vela/jwt.h"
#include "launcher/vela/parse.h"
#include "launcher/vela/worker.h"

namespace slipway::vela {

namespace {

/// How long a cancel may take before it is answered; the server waits for 30 s.
constexpr std::chrono::seconds kCancel{25};

std::string repo_of(const std::string& build)
{
    const auto document = JsonDocument::parse(build, {.max_bytes = kMaxItem, .max_depth = 64});
    if (!document)
        return "{}";
    const auto repo = document->root().at("repo");
    return repo ? repo->dump() : "{}";
}

} // namespace

std::string Worker::not_ready() const
{
    if (!parts_.credentials.has_token())
        return "waiting for registration: vela add worker --worker.hostname " + parts_.options.hostname
            + " --worker.address " + parts_.options.worker_address + "\n";
    const std::lock_guard lock{mutex_};
    if (draining_)
        return "draining\n";
    if (!enlisted_)
        return (trouble_.empty() ? "not checked in yet" : trouble_) + "\n";
    return {};
}

std::string Worker::metrics() const
{
    const std::lock_guard lock{mutex_};
    const auto gauge
        = [](std::string_view name, std::string_view help, std::string_view type, std::int64_t value) {
              return "# HELP " + std::string{name} + " " + std::string{help} + "\n# TYPE " + std::string{name}
              + " " + std::string{type} + "\n" + std::string{name} + " " + std::to_string(value) + "\n";
          };
    return gauge("slipway_vela_builds_running", "Builds that run now.", "gauge",
               static_cast<std::int64_t>(running()))
        + gauge(
            "slipway_vela_build_limit", "Builds that may run at once.", "gauge", parts_.options.build_limit)
        + gauge("slipway_vela_builds_leaving", "Builds that are over and being removed.", "gauge",
            static_cast<std::int64_t>(leaving_.size()))
        + gauge("slipway_vela_places_ready", "Networks that stand ready with volume and containers.", "gauge",
            static_cast<std::int64_t>(kits_.ready()))
        + gauge("slipway_vela_builds_total", "Builds taken or taken over by this process.", "counter",
            taken_count_)
        + gauge("slipway_vela_checked_in", "Whether the last check-in was good and Redis answers.", "gauge",
            enlisted_ ? 1 : 0);
}

WorkerApiHooks Worker::hooks()
{
    const auto build_at = [this](int executor) -> std::shared_ptr<BuildRun> {
        const std::lock_guard lock{mutex_};
        const auto index = static_cast<std::size_t>(executor);
        return executor >= 0 && index < builds_.size() ? builds_[index] : nullptr;
    };
    return {.validate
        = [this](const Secret& token,
              std::stop_token stop) { return parts_.server.validate_token(token, std::move(stop)); },
        .on_register =
            [this](const Secret& token) {
                const auto claims = read_claims(token.reveal());
                if (!claims || claims->subject.empty())
                    return Registered::unreadable;
                if (claims->subject != parts_.options.hostname)
                    return Registered::wrong_host;
                return parts_.credentials.offer(token) ? Registered::taken : Registered::already;
            },
        .executors =
            [this] {
                std::vector<std::shared_ptr<BuildRun>> builds;
                {
                    const std::lock_guard lock{mutex_};
                    builds = builds_;
                }
                std::vector<ExecutorView> views;
                for (std::size_t index = 0; index < builds.size(); ++index) {
                    if (!builds[index])
                        continue;
                    auto build = builds[index]->build_json();
                    auto repo = repo_of(build);
                    views.push_back({.id = static_cast<int>(index),
                        .build = std::move(build),
                        .repo = std::move(repo),
                        .pipeline = builds[index]->pipeline_json()});
                }
                return views;
            },
        .cancel = [build_at](int executor, const std::stop_token&) -> Result<std::string> {
            const auto build = build_at(executor);
            if (!build)
                return Error{Errc::not_found, "there is no build at executor " + std::to_string(executor)};
            return build->cancel(kCancel);
        },
        .metrics = [this] { return metrics(); },
        .not_ready = [this] { return not_ready(); }};
}

} // namespace slipway::vela
