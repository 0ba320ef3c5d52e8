#include "launcher/slot/slot.h"

#include "common/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace slipway::slot {

namespace {

/// The directory that the container sees: the socket and slot-init.
Result<void> make_slot_directory(const SlotPlace& place)
{
    SLIPWAY_TRY(make_directories(place.directory, 0755));
    // Whatever the umask was: the container's users pass through it.
    if (::chmod(place.directory.c_str(), 0755) != 0)
        return Error::from_errno("setting the mode of " + place.directory.string(), errno);
    if (place.stdio)
        return {};
    const auto init = place.directory / kInitName;
    if (::link(place.init_file.c_str(), init.c_str()) != 0 && errno != EEXIST)
        return Error::from_errno("linking " + place.init_file.string() + " to " + init.string(), errno);
    return {};
}

/// TERM, ten seconds, KILL, and the end of the output.
constexpr std::chrono::seconds kAfterGrace{15};

docker::ContainerSpec container_spec(const SlotSpec& spec, const SlotPlace& place)
{
    docker::ContainerSpec container;
    container.name = spec.name;
    container.image = spec.image;
    container.entrypoint = docker::Strings{std::string{kSlotMount} + "/" + kInitName};
    container.cmd = docker::Strings{};
    container.user = "0:0";
    container.working_dir = "/";
    container.labels = spec.labels;
    container.mounts = spec.mounts;
    docker::Mount mount{.target = kSlotMount, .read_only = true};
    if (place.stdio) {
        container.entrypoint->emplace_back(kStdioArgument);
        container.open_stdin = true;
        mount.kind = docker::MountKind::volume;
        mount.source = place.stdio->init_volume;
    } else {
        mount.source = (place.host_directory.empty() ? place.directory : place.host_directory).string();
    }
    container.mounts.push_back(std::move(mount));
    container.tmpfs = spec.tmpfs;
    container.network_mode = spec.network;
    container.network_aliases = spec.network_aliases;
    container.privileged = spec.privileged;
    container.runtime = spec.runtime;
    container.cap_add = spec.cap_add;
    container.cap_drop = spec.cap_drop;
    container.security_opt = spec.security_opt;
    container.pids_limit = spec.pids_limit;
    container.memory_bytes = spec.memory_bytes;
    container.nano_cpus = spec.nano_cpus;
    container.shm_bytes = spec.shm_bytes;
    container.ulimits = spec.ulimits;
    container.log_driver = "none";
    container.init = false; // slot-init must be PID 1, whatever the engine's default is.
    container.stop_signal = "SIGTERM"; // The image's own would be lost on slot-init, or end it.
    container.stop_timeout = std::chrono::ceil<std::chrono::seconds>(spec.grace) + kAfterGrace;
    container.no_healthcheck = true; // It would run the image's code in an idle slot.
    return container;
}

} // namespace

Slot::Slot(std::string container, std::filesystem::path directory, std::unique_ptr<SlotLink> link)
    : container_{std::move(container)}
    , directory_{std::move(directory)}
    , link_{std::move(link)}
{
}

Result<std::unique_ptr<Slot>> Slot::create(docker::Docker& docker, const SlotSpec& spec,
    const SlotPlace& place, KeepKey keep_key, Random& random, std::stop_token stop)
{
    SLIPWAY_TRY(in("making a slot", make_slot_directory(place)));
    auto link = SlotLink::listen(
        {.directory = place.directory, .key = {}, .have = 0, .keep_key = std::move(keep_key)}, random);
    if (!link) {
        (void)remove_tree(place.directory);
        return std::move(link).error();
    }
    auto created = in("making a slot", docker.create_container(container_spec(spec, place), stop));
    if (!created) {
        (void)remove_tree(place.directory);
        return std::move(created).error();
    }
    std::unique_ptr<Slot> slot{new Slot{created->id, place.directory, *std::move(link)}};
    if (auto started = in("starting a slot", docker.start_container(created->id, stop)); !started) {
        // Even when it was a stop that failed the start: what was made here has no other owner yet.
        (void)slot->destroy(docker, {});
        return std::move(started).error();
    }
    if (place.stdio)
        slot->relay_
            = std::make_unique<StdioRelay>(place.stdio->engine, created->id, place.directory, random);
    return slot;
}

Result<std::unique_ptr<Slot>> Slot::adopt(
    std::string container, LinkSpec link, const std::optional<docker::Engine>& stdio, Random& random)
{
    auto directory = link.directory;
    auto listening
        = SLIPWAY_TRY(in("adopting the slot " + container, SlotLink::listen(std::move(link), random)));
    std::unique_ptr<Slot> slot{new Slot{std::move(container), std::move(directory), std::move(listening)}};
    if (stdio)
        slot->relay_ = std::make_unique<StdioRelay>(*stdio, slot->container_, slot->directory_, random);
    return slot;
}

Result<void> Slot::destroy(docker::Docker& docker, std::stop_token stop)
{
    relay_.reset();
    auto removed = docker.remove_container(container_, {.force = true, .volumes = true}, stop);
    if (!removed && removed.error().code() != Errc::not_found)
        return in("removing a slot", std::move(removed));
    return remove_tree(directory_);
}

} // namespace slipway::slot
