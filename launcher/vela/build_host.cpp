#include "launcher/vela/build_host.h"

#include "common/file.h"
#include "launcher/file_tar.h"
#include "launcher/slot_site.h"
#include "launcher/vela/build_images.h"
#include "launcher/vela/container_spec.h"

#include <algorithm>
#include <mutex>

namespace slipway::vela {

namespace {

using launcher::JobSlot;
using launcher::KeepSlot;
using launcher::SlotFact;
using std::chrono::milliseconds;

/// Whether a name is free now.
enum class Cleared : bool { no, yes };

/// How long a container that the engine is removing already may take.
constexpr std::chrono::seconds kGoing{30};
constexpr milliseconds kLook{100};
/// What an archive of one file has beside the file: headers, padding and the end.
constexpr std::size_t kArchiveSpare = std::size_t{64} * 1024;

std::string label_of(const docker::StringPairs& labels, std::string_view name)
{
    const auto it = std::ranges::find_if(labels, [&](const auto& pair) { return pair.first == name; });
    return it == labels.end() ? std::string{} : it->second;
}

void keep_first(Result<void>& first, Result<void> next)
{
    if (first && !next)
        first = std::move(next);
}

/// A name is also that of a directory.
Result<void> check_id(std::string_view id)
{
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (id.empty() || id.size() > 255 || id.front() == '.' || id.front() == '-'
        || id.find_first_not_of(allowed) != std::string_view::npos)
        return Error{Errc::invalid_input, "\"" + std::string{id} + "\" cannot be the name of a container"};
    return {};
}

class DockerBuildHost final : public BuildHost {
public:
    DockerBuildHost(BuildHostSettings settings, const Clock& clock)
        : settings_{std::move(settings)}
        , clock_{clock}
        , images_{settings_, clock}
    {
    }

    Result<void> prepare(Random& random, const Logger& logger, std::stop_token stop);

    Result<std::string> make_network(const std::string& place, std::stop_token stop) override;
    Result<std::string> make_volume(const std::string& place, std::stop_token stop) override;
    Result<void> remove_place(const std::string& place, std::stop_token stop) override;
    Result<void> empty_place(const std::string& place, std::stop_token stop) override;

    Result<BuildImage> image(const std::string& reference, Fetch fetch,
        const std::function<void(std::string_view)>& progress, std::stop_token stop) override
    {
        return images_.find(reference, fetch, progress, std::move(stop));
    }

    Result<std::unique_ptr<JobSlot>> create(
        const ContainerWish& wish, const KeepSlot& keep, std::stop_token stop) override;

    [[nodiscard]] bool lives(JobSlot& slot) override
    {
        return static_cast<launcher::DockerSlot&>(slot).connected_now();
    }

    Result<std::unique_ptr<JobSlot>> adopt(
        const SlotFact& slot, std::uint64_t have, std::stop_token stop) override;
    Result<void> remove(const std::string& container, std::stop_token stop) override;
    Result<std::optional<std::uint64_t>> read_file(const std::string& container, const std::string& path,
        std::uint64_t most, const launcher::Sink& content, std::stop_token stop) override;
    Result<void> sweep(const std::set<std::string>& kept, std::stop_token stop) override;

private:
    [[nodiscard]] Result<docker::Docker> engine() const { return docker::Docker::open(settings_.engine); }

    [[nodiscard]] docker::StringPairs labels() const
    {
        return {{std::string{kVelaLabel}, settings_.instance_id}};
    }

    [[nodiscard]] docker::StringPairs labels(const std::string& place) const
    {
        auto all = labels();
        all.emplace_back(kPlaceLabel, place);
        return all;
    }

    [[nodiscard]] bool is_ours(const docker::StringPairs& labels) const
    {
        return label_of(labels, kVelaLabel) == settings_.instance_id;
    }

    Result<Cleared> remove_if_ours(
        docker::Docker& docker, const std::string& container, std::stop_token stop);
    Result<void> wait_gone(docker::Docker& docker, const std::string& container, std::stop_token stop);
    Result<void> sweep_containers(docker::Docker& docker, std::stop_token stop);
    Result<void> remove_network(const std::string& place, const std::stop_token& stop);

    void note(const std::string& place)
    {
        const std::lock_guard lock{mutex_};
        places_.insert(place);
    }

    /// Asked after the engine was: what it names was noted before it was made.
    [[nodiscard]] bool is_own(const docker::StringPairs& labels)
    {
        const std::lock_guard lock{mutex_};
        return places_.contains(label_of(labels, kPlaceLabel));
    }

    const BuildHostSettings settings_;
    const Clock& clock_;
    BuildImages images_;
    std::unique_ptr<launcher::SlotSite> site_;
    std::mutex mutex_;
    std::set<std::string> making_; ///< Names of containers that `create` is at.
    std::set<std::string> places_; ///< This object's own.
};

Result<void> DockerBuildHost::prepare(Random& random, const Logger& logger, std::stop_token stop)
{
    const auto boot = SLIPWAY_TRY(slipway::read_file("/proc/sys/kernel/random/boot_id", 100));
    site_ = SLIPWAY_TRY(launcher::SlotSite::open(
        {.engine = settings_.engine,
            .state_directory = settings_.state_directory,
            .boot_id = boot.substr(0, boot.find('\n')),
            .labels = labels()},
        clock_, random, logger, [] {}, std::move(stop)));
    return {};
}

Result<std::string> DockerBuildHost::make_network(const std::string& place, std::stop_token stop)
{
    note(place);
    auto docker = SLIPWAY_TRY(engine());
    const auto made = docker.create_network(place, labels(place), stop);
    if (!made && made.error().code() != Errc::conflict)
        return made.error();
    if (!made) {
        const auto found = SLIPWAY_TRY(docker.list_networks(labels(place), stop));
        if (std::ranges::none_of(found, [&](const auto& one) { return one.name == place; }))
            return made.error().in("a network that is not this worker's is in the way");
    }
    return docker.describe_network(place, std::move(stop));
}

Result<std::string> DockerBuildHost::make_volume(const std::string& place, std::stop_token stop)
{
    note(place);
    auto docker = SLIPWAY_TRY(engine());
    const auto volume = SLIPWAY_TRY(docker.create_volume(place, labels(place), stop));
    if (!is_ours(volume.labels))
        return Error{Errc::conflict, "the volume " + place + " is there already and is not this worker's"};
    return docker.describe_volume(place, std::move(stop));
}

/// What could not be removed is left to `sweep`.
Result<void> DockerBuildHost::remove_place(const std::string& place, std::stop_token stop)
{
    auto removed = empty_place(place, stop);
    if (removed)
        removed = remove_network(place, stop);
    const std::lock_guard lock{mutex_};
    places_.erase(place);
    return removed;
}

/// One container after another: when two leave a network at the same time, Docker Engine 20.10 may wait for
/// itself (libnetwork takes the locks of a network and of its controller in both orders), and from then on
/// answers no call about networks or new containers until it is restarted. Nobody waits for these removals.
Result<void> DockerBuildHost::empty_place(const std::string& place, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(engine());
    Result<void> first;
    for (const auto& container : SLIPWAY_TRY(docker.list_containers(labels(place), stop)))
        keep_first(first, remove(container.names.empty() ? container.id : container.names.front(), stop));
    SLIPWAY_TRY(std::move(first));
    for (const auto& volume : SLIPWAY_TRY(docker.list_volumes(labels(place), stop)))
        SLIPWAY_TRY(docker.remove_volume(volume.name, stop));
    return {};
}

Result<void> DockerBuildHost::remove_network(const std::string& place, const std::stop_token& stop)
{
    auto docker = SLIPWAY_TRY(engine());
    for (const auto& network : SLIPWAY_TRY(docker.list_networks(labels(place), stop)))
        SLIPWAY_TRY(docker.remove_network(network.id, stop));
    return {};
}

Result<std::unique_ptr<JobSlot>> DockerBuildHost::create(
    const ContainerWish& wish, const KeepSlot& keep, std::stop_token stop)
{
    const std::string& name = wish.container.id;
    SLIPWAY_TRY(check_id(name));
    note(wish.place);
    auto docker = SLIPWAY_TRY(engine());
    auto inside = SLIPWAY_TRY(images_.inside(docker, wish.image_id, stop));
    if (!wish.container.user.empty())
        inside.user = wish.container.user;
    const auto spec = container_spec(wish, settings_, labels(wish.place));
    {
        const std::lock_guard lock{mutex_};
        making_.insert(name);
    }
    auto made = site_->make(spec, inside, keep, stop);
    if (!made && made.error().code() == Errc::conflict) {
        // Of a process that died before its journal knew of it.
        auto removed = remove_if_ours(docker, name, stop);
        if (removed && *removed == Cleared::yes)
            made = site_->make(spec, inside, keep, stop);
    }
    if (!made)
        (void)remove(name, {}); // It may have been made and not have connected.
    {
        const std::lock_guard lock{mutex_};
        making_.erase(name);
    }
    return std::unique_ptr<JobSlot>{SLIPWAY_TRY(std::move(made))};
}

Result<std::unique_ptr<JobSlot>> DockerBuildHost::adopt(
    const SlotFact& slot, std::uint64_t have, std::stop_token stop)
{
    auto taken = SLIPWAY_TRY(site_->adopt(slot, have, stop));
    SLIPWAY_TRY(taken->wait_ready(std::move(stop)));
    return std::unique_ptr<JobSlot>{std::move(taken)};
}

Result<void> DockerBuildHost::remove(const std::string& container, std::stop_token stop)
{
    SLIPWAY_TRY(check_id(container));
    auto docker = SLIPWAY_TRY(engine());
    SLIPWAY_TRY(remove_if_ours(docker, container, std::move(stop)));
    return {};
}

/// `no`: a container that is not ours has the name, and was left alone.
Result<Cleared> DockerBuildHost::remove_if_ours(
    docker::Docker& docker, const std::string& container, std::stop_token stop)
{
    const auto found = docker.inspect_container(container, stop);
    if (!found && found.error().code() != Errc::not_found)
        return found.error();
    if (found && !is_ours(found->labels))
        return Cleared::no;
    if (found) {
        const auto removed = docker.remove_container(found->id, {.force = true, .volumes = true}, stop);
        if (!removed && removed.error().code() == Errc::conflict)
            SLIPWAY_TRY(wait_gone(docker, found->id, std::move(stop)));
        else if (!removed && removed.error().code() != Errc::not_found)
            return removed.error();
    }
    SLIPWAY_TRY(remove_tree(site_->directory_of(container)));
    return Cleared::yes;
}

/// A process that asked for the removal and was killed leaves it under way.
Result<void> DockerBuildHost::wait_gone(
    docker::Docker& docker, const std::string& container, std::stop_token stop)
{
    for (const auto until = clock_.now() + kGoing; clock_.now() < until;) {
        const auto found = docker.inspect_container(container, stop);
        if (!found && found.error().code() == Errc::not_found)
            return {};
        if (!found)
            return found.error();
        if (clock_.sleep_for(kLook, stop) == Clock::Slept::stopped)
            return Error{Errc::cancelled, "waiting for the end of a container was cancelled"};
    }
    return Error{Errc::timed_out, "the engine does not get to the end of removing a container"};
}

Result<std::optional<std::uint64_t>> DockerBuildHost::read_file(const std::string& container,
    const std::string& path, std::uint64_t most, const launcher::Sink& content, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(engine());
    launcher::OnlyFile file{content, most};
    const auto got = docker.get_archive(
        container, path, most + kArchiveSpare, [&](std::string_view piece) { return file.take(piece); },
        std::move(stop));
    if (!got && got.error().code() == Errc::not_found)
        return std::optional<std::uint64_t>{};
    if (!got)
        return in(path, got).error();
    return std::optional{SLIPWAY_TRY(in(path, file.finish()))};
}

/// Which directories there are is asked before which containers: one that is made meanwhile is in `making_`
/// until its container is there.
Result<void> DockerBuildHost::sweep_containers(docker::Docker& docker, std::stop_token stop)
{
    std::set<std::string> directories;
    std::error_code code;
    for (std::filesystem::directory_iterator it{site_->directory_of(""), code}, end; !code && it != end;
         it.increment(code))
        directories.insert(it->path().filename().string());
    std::set<std::string> stay;
    {
        const std::lock_guard lock{mutex_};
        stay = making_;
    }
    const bool checking = !site_->transport().known();
    Result<void> first;
    for (const auto& container : SLIPWAY_TRY(docker.list_containers(labels(), stop))) {
        const std::string name = container.names.empty() ? container.id : container.names.front();
        if (is_own(container.labels) || (checking && name.starts_with(launcher::kCheckNames))) {
            stay.insert(name);
            continue;
        }
        if (stay.contains(name))
            continue;
        auto removed = docker.remove_container(container.id, {.force = true, .volumes = true}, stop);
        if (!removed && removed.error().code() == Errc::conflict)
            removed = wait_gone(docker, container.id, stop);
        if (!removed && removed.error().code() != Errc::not_found) {
            stay.insert(name);
            keep_first(first, std::move(removed));
        }
    }
    keep_first(
        first, launcher::remove_stale_slots(settings_.state_directory, stay, [&](const std::string& name) {
            return directories.contains(name) && !(checking && name.starts_with(launcher::kCheckNames));
        }));
    return first;
}

Result<void> DockerBuildHost::sweep(const std::set<std::string>& kept, std::stop_token stop)
{
    {
        const std::lock_guard lock{mutex_};
        places_.insert(kept.begin(), kept.end());
    }
    auto docker = SLIPWAY_TRY(engine());
    auto first = sweep_containers(docker, stop);
    for (const auto& network : SLIPWAY_TRY(docker.list_networks(labels(), stop)))
        if (!is_own(network.labels))
            keep_first(first, docker.remove_network(network.id, stop));
    for (const auto& volume : SLIPWAY_TRY(docker.list_volumes(labels(), stop)))
        if (!is_own(volume.labels))
            keep_first(first, docker.remove_volume(volume.name, stop));
    return first;
}

} // namespace

Result<std::unique_ptr<BuildHost>> BuildHost::open(BuildHostSettings settings, const Clock& clock,
    Random& random, const Logger& logger, std::stop_token stop)
{
    auto host = std::make_unique<DockerBuildHost>(std::move(settings), clock);
    SLIPWAY_TRY(host->prepare(random, logger, std::move(stop)));
    return std::unique_ptr<BuildHost>{std::move(host)};
}

} // namespace slipway::vela
