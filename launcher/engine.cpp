#include "launcher/engine.h"

#include "launcher/docker_host.h"
#include "launcher/provider_cache/provider_store.h"
#include "launcher/provider_cache/store_mount.h"
#include "launcher/run_logs.h"
#include "launcher/supervisor.h"
#include "launcher/vault.h"

#include <algorithm>
#include <chrono>

namespace slipway::launcher {

struct Engine::Parts {
    EngineSettings settings;
    Journal journal;
    std::unique_ptr<ProviderStore> providers; ///< Null: none.
    std::unique_ptr<DockerHost> host;
    Vault vault;
    Tally tally;
    std::optional<RunLogs> run_logs;
    JobServices services;
    Supervisor supervisor;

    Parts(EngineSettings engine_settings, Journal opened, std::vector<JobEntry> entries,
        std::unique_ptr<ProviderStore> provider_store, std::unique_ptr<DockerHost> docker_host,
        std::vector<crypto::PrivateKey> keys, EngineServices given)
        : settings{std::move(engine_settings)}
        , journal{std::move(opened)}
        , providers{std::move(provider_store)}
        , host{std::move(docker_host)}
        , vault{std::move(keys), given.random}
        , services{.settings = settings,
              .backend = given.backend,
              .host = *host,
              .vault = vault,
              .clock = given.clock,
              .random = given.random,
              .tally = tally,
              .policy = std::move(given.policy),
              .run_logs = nullptr,
              .providers = providers.get()}
        , supervisor{SupervisorParts{.services = services,
              .journal = journal,
              .entries = std::move(entries),
              .enroll = given.enroll,
              .logger = given.logger,
              .on_change = given.on_change}}
    {
        if (settings.run_logs_on_stdout && given.run_logs >= 0)
            services.run_logs = &run_logs.emplace(given.run_logs, given.clock, given.logger);
    }
};

namespace {

std::chrono::milliseconds longest_grace(const Limits& limits)
{
    return std::chrono::milliseconds{std::max(limits.grace, limits.write_grace)};
}

/// Null when the settings name none.
Result<std::unique_ptr<ProviderStore>> open_providers(
    const EngineSettings& settings, const EngineServices& services)
{
    if (settings.provider_cache.empty())
        return std::unique_ptr<ProviderStore>{};
    // What a stage was offered stays until it is over for certain.
    const std::chrono::milliseconds longest{settings.limits.run};
    return ProviderStore::open(
        {.directory = settings.provider_cache,
            .max_bytes = settings.provider_cache_size,
            .keep_for = 2 * longest + settings.prepare_limit,
            .least = {.bytes = settings.least_free_bytes, .inodes = settings.least_free_inodes}},
        services.clock, services.random);
}

Result<std::vector<ExtraMount>> mounts_of(
    const EngineSettings& settings, const ProviderStore* providers, const docker::Engine& engine)
{
    auto mounts = settings.extra_mounts;
    if (providers == nullptr)
        return mounts;
    auto docker = SLIPWAY_TRY(in(kDockerFailed, docker::Docker::open(engine)));
    mounts.push_back(SLIPWAY_TRY(packages_mount(providers->packages(), docker, {})));
    return mounts;
}

} // namespace

Result<Engine> Engine::create(EngineSettings settings, EngineDocker docker,
    std::vector<crypto::PrivateKey> keys, EngineServices services)
{
    if (keys.empty())
        return Error{Errc::invalid_input, "the engine needs a private key of its pool"};
    if (!services.enroll)
        services.enroll = [&backend = services.backend](const protocol::RegisterRequest& request,
                              std::stop_token stop) { return backend.enroll(request, std::move(stop)); };
    Journal journal = SLIPWAY_TRY(
        Journal::open(settings.state_directory, services.clock, services.random, services.hook));
    auto entries = journal.entries();
    if (!entries)
        return Error{Errc::internal,
            "the journal of an earlier launcher cannot be read, and what it started may still run; start the "
            "version that wrote it, or another state directory: "
                + entries.error().message()};
    auto images = std::make_unique<ImageStore>(
        ImageStoreSettings{.engine = docker.engine,
            .state_directory = settings.state_directory,
            .registry = std::move(docker.registry),
            .pull = settings.pull,
            .cleanup = settings.image_cleanup,
            .least = {.bytes = settings.least_free_bytes, .inodes = settings.least_free_inodes}},
        services.clock, services.logger);
    auto providers = SLIPWAY_TRY(open_providers(settings, services));
    auto mounts = SLIPWAY_TRY(mounts_of(settings, providers.get(), docker.engine));
    auto host
        = SLIPWAY_TRY(DockerHost::open({.engine = std::move(docker.engine),
                                           .instance_id = journal.instance_id(),
                                           .state_directory = settings.state_directory,
                                           .containers = {.network = std::move(docker.network),
                                               .runtime = std::move(docker.runtime),
                                               .job = settings.job,
                                               .mounts = std::move(mounts),
                                               .metadata = settings.job_metadata},
                                           .warm_slots = settings.warm_slots.value_or(settings.capacity),
                                           .slot_transport = settings.slot_transport,
                                           .boot_id = journal.boot_id(),
                                           .grace = longest_grace(settings.limits)},
            std::move(images), services.clock, services.random, services.logger, {}));
    return Engine{std::make_unique<Parts>(std::move(settings), std::move(journal), *std::move(entries),
        std::move(providers), std::move(host), std::move(keys), std::move(services))};
}

Engine::Engine(std::unique_ptr<Parts> parts)
    : parts_{std::move(parts)}
{
}

Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

EngineEnd Engine::run(std::stop_token stop) { return parts_->supervisor.run(std::move(stop)); }

void Engine::drain(DrainBy by) { parts_->supervisor.drain(by); }

Result<void> Engine::pause() { return parts_->supervisor.pause(); }

Result<void> Engine::resume() { return parts_->supervisor.resume(); }

void Engine::stop_jobs() { parts_->supervisor.stop_jobs(); }

Result<void> Engine::stop_job(std::string_view id) { return parts_->supervisor.stop_job(id); }

void Engine::hand_over() { parts_->supervisor.hand_over(); }

void Engine::replace_keys(std::vector<crypto::PrivateKey> keys)
{
    parts_->vault.replace(std::move(keys));
    parts_->supervisor.enroll_again();
}

EngineStatus Engine::status() const { return parts_->supervisor.status(); }

const Tally& Engine::tally() const { return parts_->tally; }

const std::string& Engine::instance_id() const { return parts_->journal.instance_id(); }

} // namespace slipway::launcher
