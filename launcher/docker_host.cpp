#include "launcher/docker_host.h"

#include "common/base64.h"
#include "common/file.h"
#include "launcher/docker_slot.h"
#include "launcher/engine.h"
#include "launcher/metadata_block.h"

#include <algorithm>
#include <array>
#include <future>
#include <set>

namespace slipway::launcher {

namespace {

std::string label_of(const docker::StringPairs& labels, std::string_view name)
{
    const auto it
        = std::find_if(labels.begin(), labels.end(), [&](const auto& pair) { return pair.first == name; });
    return it == labels.end() ? std::string{} : it->second;
}

bool runs(docker::ContainerStatus status)
{
    switch (status) {
    case docker::ContainerStatus::running:
    case docker::ContainerStatus::paused:
    case docker::ContainerStatus::restarting:
    case docker::ContainerStatus::unknown:
        return true;
    case docker::ContainerStatus::created:
    case docker::ContainerStatus::removing:
    case docker::ContainerStatus::exited:
    case docker::ContainerStatus::dead:
        return false;
    }
    return true;
}

/// Unique on the engine: an earlier container of the stage may still be there.
std::string new_name(const std::string& purpose, Random& random)
{
    std::array<std::byte, 6> bytes{};
    random.fill(bytes);
    return "slipway-" + purpose + "-"
        + hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

SlotClass class_of(const SlotRequest& request, const ContainerSettings& containers)
{
    return {.image = request.image,
        .image_id = request.image_id,
        // Where nothing of a container depends on it, an apply finds what a plan has warmed.
        .kind = request.applies && depends_on_stage(containers) ? protocol::StageKind::write
                                                                : protocol::StageKind::read,
        .memory_bytes = request.limits.memory_bytes,
        .nano_cpus = request.limits.nano_cpus,
        .pids = request.limits.pids};
}

} // namespace

DockerHost::DockerHost(
    DockerHostSettings settings, std::unique_ptr<ImageStore> images, const Clock& clock, Random& random)
    : settings_{std::move(settings)}
    , images_{std::move(images)}
    , clock_{clock}
    , random_{random}
{
}

Result<std::unique_ptr<DockerHost>> DockerHost::open(DockerHostSettings settings,
    std::unique_ptr<ImageStore> images, const Clock& clock, Random& random, const Logger& logger,
    std::stop_token stop)
{
    std::unique_ptr<DockerHost> host{new DockerHost{std::move(settings), std::move(images), clock, random}};
    auto docker = SLIPWAY_TRY(in(kDockerFailed, docker::Docker::open(host->settings_.engine)));
    const ProbeMarks probe{.name = new_name("check-probe", random),
        .labels = {{std::string{kInstanceLabel}, host->settings_.instance_id}}};
    host->set_own(probe.name, true); // the sweep may see it
    // At once with the questions below: what an earlier process has left running waits for all of them.
    auto swept = std::async(std::launch::async, [&] { return host->sweep(stop); });
    if (auto checked = check_containers(host->settings_.containers, docker, probe, stop); !checked) {
        const bool is_setting
            = checked.error().code() == Errc::not_found || checked.error().code() == Errc::invalid_input;
        return is_setting ? checked.error() : checked.error().in(kDockerFailed);
    }
    host->swept_ = SLIPWAY_TRY(swept.get());
    host->site_ = SLIPWAY_TRY(SlotSite::open(
        {.engine = host->settings_.engine,
            .state_directory = host->settings_.state_directory,
            .transport = host->settings_.slot_transport,
            .runtime = host->settings_.containers.runtime,
            .boot_id = host->settings_.boot_id,
            .labels = {{std::string{kInstanceLabel}, host->settings_.instance_id}}},
        clock, random, logger, [self = host.get()] { self->tell_ready(); }, std::move(stop)));
    SlotMaker& maker = *host;
    host->pool_ = std::make_unique<WarmPool>(WarmPoolSettings{.count = host->settings_.warm_slots,
                                                 .memory = host->settings_.state_directory / "warm"},
        maker, clock, random, logger);
    return host;
}

Result<std::vector<docker::ContainerSummary>> DockerHost::sweep(std::stop_token stop) const
{
    auto docker = SLIPWAY_TRY(in(kDockerFailed, docker::Docker::open(settings_.engine)));
    auto containers = SLIPWAY_TRY(in(
        kDockerFailed, docker.list_containers({{std::string{kInstanceLabel}, settings_.instance_id}}, stop)));
    std::set<std::string> names;
    for (const auto& container : containers)
        names.insert(container.names.begin(), container.names.end());
    SLIPWAY_TRY(remove_stale_slots(
        settings_.state_directory, names, [](const std::string& /*name*/) { return true; }));
    // Networks are named as their containers.
    for (const auto& network : SLIPWAY_TRY(in(kDockerFailed,
             docker.list_networks({{std::string{kInstanceLabel}, settings_.instance_id}}, stop))))
        if (!names.contains(network.name))
            SLIPWAY_TRY(in(kDockerFailed, docker.remove_network(network.name, stop)));
    return containers;
}

Result<std::vector<docker::ContainerSummary>> DockerHost::list(std::stop_token stop)
{
    {
        const std::lock_guard lock{mutex_};
        if (auto swept = std::exchange(swept_, {}))
            return *std::move(swept);
    }
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    return docker.list_containers({{std::string{kInstanceLabel}, settings_.instance_id}}, std::move(stop));
}

Result<RunnerImage> DockerHost::image(
    const ImageRequest& request, const std::function<void(std::string_view)>& progress, std::stop_token stop)
{
    return images_->find(request, progress, std::move(stop));
}

Result<void> DockerHost::make_room(std::stop_token stop)
{
    return images_->make_room(warm_images(), std::move(stop));
}

/// Makes an idle slot that of a stage.
Result<std::unique_ptr<JobSlot>> DockerHost::give(IdleSlot idle, const KeepSlot& keep)
{
    const std::string container = idle.fact.container;
    if (auto kept = keep(idle.fact); !kept) {
        pool_->discard(container);
        return std::move(kept).error();
    }
    // From here on the journal says whose it is.
    set_own(container, false);
    idle.slot->set_warm();
    return std::move(idle.slot);
}

Result<std::optional<LikelySlot>> DockerHost::take_likely(const SlotRequest& request, const KeepSlot& keep)
{
    auto taken = pool_->take_likely(class_of(request, settings_.containers));
    if (!taken)
        return std::optional<LikelySlot>{};
    auto slot = SLIPWAY_TRY(give(std::move(taken->idle), keep));
    return std::optional{LikelySlot{.slot = std::move(slot), .image_id = std::move(taken->image_id)}};
}

Result<std::unique_ptr<JobSlot>> DockerHost::create(
    const SlotRequest& request, const KeepSlot& keep, std::stop_token stop)
{
    const auto wanted = class_of(request, settings_.containers);
    if (auto idle = pool_->take(wanted))
        return give(*std::move(idle), keep);
    slot::SlotSpec spec{.name = new_name(request.stage_id, random_), .image = {}};
    spec.labels = {{std::string{kStageLabel}, request.stage_id}, {std::string{kRunLabel}, request.run_id}};
    const std::string name = spec.name;
    auto made = make(std::move(spec), wanted, keep, std::move(stop));
    if (!made && has_own_network(settings_.containers))
        // Of a container that was made, it goes with that.
        if (auto docker = docker::Docker::open(settings_.engine))
            (void)docker->remove_network(name, {});
    return made;
}

Result<std::unique_ptr<JobSlot>> DockerHost::make(
    slot::SlotSpec spec, const SlotClass& wanted, const KeepSlot& keep, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    const auto image = SLIPWAY_TRY(docker.inspect_image(wanted.image_id, stop));
    spec.image = wanted.image_id;
    spec.labels.emplace_back(kInstanceLabel, settings_.instance_id);
    fill(spec, settings_.containers,
        {.memory_bytes = wanted.memory_bytes, .nano_cpus = wanted.nano_cpus, .pids = wanted.pids},
        wanted.kind == protocol::StageKind::write);
    spec.grace = settings_.grace;
    const SlotImage inside{.id = wanted.image_id,
        .environment = image.env,
        .user = settings_.containers.job.user.empty() ? image.user : settings_.containers.job.user};
    if (has_own_network(settings_.containers))
        SLIPWAY_TRY(
            docker.create_network(spec.name, {{std::string{kInstanceLabel}, settings_.instance_id}}, stop));
    auto made = SLIPWAY_TRY(site_->make(spec, inside, keep, stop));
    if (settings_.containers.metadata == JobMetadata::deny)
        SLIPWAY_TRY(close_metadata(spec.name, std::move(stop)));
    return std::unique_ptr<JobSlot>{std::move(made)};
}

/// Before the job has run anything.
Result<void> DockerHost::close_metadata(const std::string& container, std::stop_token stop) const
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    const auto found = SLIPWAY_TRY(docker.inspect_container(container, std::move(stop)));
    return block_metadata(static_cast<pid_t>(found.state.pid));
}

Result<IdleSlot> DockerHost::make_idle(const SlotClass& wanted, std::stop_token stop)
{
    slot::SlotSpec spec{.name = new_name("warm", random_), .image = {}};
    spec.labels = {{std::string{kWarmLabel}, "yes"}};
    const std::string name = spec.name;
    set_own(name, true);
    IdleSlot idle;
    auto made = make(
        std::move(spec), wanted,
        [&idle](const SlotFact& fact) -> Result<void> {
            idle.fact = fact;
            return {};
        },
        stop);
    if (!made) {
        // It may have been made and not have connected. What is left is nobody's.
        (void)remove(name, {});
        set_own(name, false);
        return std::move(made).error();
    }
    idle.slot = *std::move(made);
    return idle;
}

bool DockerHost::lives(JobSlot& slot) { return static_cast<DockerSlot&>(slot).connected_now(); }

Result<void> DockerHost::remove_idle(const std::string& container, std::stop_token stop)
{
    auto removed = remove(container, std::move(stop));
    // Or it belongs to nobody, and the next round of comparing records finds it.
    set_own(container, false);
    return removed;
}

void DockerHost::set_own(const std::string& container, bool own)
{
    const std::lock_guard lock{mutex_};
    if (own)
        own_.insert(container);
    else
        own_.erase(container);
}

std::set<std::string> DockerHost::own() const
{
    const std::lock_guard lock{mutex_};
    return own_;
}

void DockerHost::discard(const std::string& container)
{
    set_own(container, true);
    pool_->discard(container);
}

void DockerHost::keep_warm(Warm warm) { pool_->keep(warm); }

void DockerHost::settle(std::stop_token stop) { pool_->settle(std::move(stop)); }

std::size_t DockerHost::idle_slots() const { return pool_->idle(); }

bool DockerHost::ready() const { return site_->transport().known(); }

std::string DockerHost::transport() const { return std::string{site_->transport().name()}; }

void DockerHost::on_ready(std::function<void()> call)
{
    {
        const std::lock_guard lock{mutex_};
        on_ready_ = std::move(call);
    }
    if (site_->transport().known())
        tell_ready();
}

/// Under the lock, so that whoever takes his call back knows that it is over.
void DockerHost::tell_ready()
{
    const std::lock_guard lock{mutex_};
    if (const auto call = std::exchange(on_ready_, {}))
        call();
}

std::set<std::string> DockerHost::warm_images() const { return pool_->images(); }

Result<std::unique_ptr<JobSlot>> DockerHost::adopt(
    const SlotFact& slot, std::uint64_t have, std::stop_token stop)
{
    auto made = SLIPWAY_TRY(site_->adopt(slot, have, stop));
    // Again: whoever made it may have died before.
    if (settings_.containers.metadata == JobMetadata::deny)
        SLIPWAY_TRY(close_metadata(slot.container, stop));
    SLIPWAY_TRY(made->wait_ready(std::move(stop)));
    return std::unique_ptr<JobSlot>{std::move(made)};
}

Result<std::vector<FoundContainer>> DockerHost::containers(std::stop_token stop)
{
    const bool checking = !site_->transport().known();
    const auto own_before = own();
    const auto there = SLIPWAY_TRY(list(std::move(stop)));
    // One that is in the list and was made meanwhile is seen now; one that is in it and was removed meanwhile
    // was seen before.
    const auto own_after = own();
    std::vector<FoundContainer> found;
    found.reserve(there.size());
    for (const auto& container : there) {
        const std::string& name = container.names.empty() ? container.id : container.names.front();
        if (checking && name.starts_with(kCheckNames))
            continue;
        if (!own_before.contains(name) && !own_after.contains(name))
            found.push_back({.id = name,
                .stage_id = label_of(container.labels, kStageLabel),
                .running = runs(container.status)});
    }
    return found;
}

Result<void> DockerHost::remove_from_engine(const std::string& container, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    const auto turn = SLIPWAY_TRY(removals_.enter(stop));
    const auto removed = docker.remove_container(container, {.force = true, .volumes = true}, stop);
    // Gone, or going: a launcher that asked for the removal and was killed leaves it under way.
    if (!removed && removed.error().code() != Errc::not_found && removed.error().code() != Errc::conflict)
        return removed.error();
    // One that an earlier setting made goes at the next start.
    if (has_own_network(settings_.containers))
        SLIPWAY_TRY(docker.remove_network(container, std::move(stop)));
    return {};
}

Result<void> DockerHost::remove(const std::string& container, std::stop_token stop)
{
    SLIPWAY_TRY(remove_from_engine(container, std::move(stop)));
    // Containers are named as their directories.
    if (container.starts_with("slipway-") && container.find('/') == std::string::npos)
        return remove_tree(site_->directory_of(container));
    return {};
}

} // namespace slipway::launcher
