#include "launcher/container_settings.h"

#include "common/file.h"
#include "launcher/config.h"
#include "launcher/own_container.h"
#include "launcher/provider_cache/places.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace slipway::launcher {

namespace {

constexpr std::string_view kProbeImage = "slipway-probe:empty";

/// The lower of two limits of which 0 is none.
std::optional<std::int64_t> lower(std::int64_t ours, std::int64_t asked)
{
    if (ours == 0 || (asked != 0 && asked < ours))
        return asked == 0 ? std::nullopt : std::optional{asked};
    return ours;
}

bool applies_to(StageClass stages, bool applies)
{
    return stages == StageClass::every || (stages == StageClass::write) == applies;
}

std::string list(const docker::Strings& names)
{
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

/// Without its network no container could start, and every stage would be taken in vain.
Result<void> check_network(const std::string& name, docker::Docker& docker, std::stop_token stop)
{
    // Words for "as always", "as in that container" and so on name no network; Docker lists one for the last
    // two nevertheless, Podman does not.
    if (name.empty() || name == "default" || name == kNetworkPerJob || name.starts_with("container:")
        || name == "none" || name == "host")
        return {};
    if (SLIPWAY_TRY(in("SPACELIFT_WORKER_NETWORK", docker.find_network(name, std::move(stop)))))
        return {};
    return Error{Errc::not_found,
        "SPACELIFT_WORKER_NETWORK: Docker knows no network \"" + name
            + "\": create it (docker network create " + name
            + "), or name one that \"docker network ls\" shows"};
}

Result<void> check_runtime(const std::string& name, docker::Docker& docker, std::stop_token stop)
{
    if (name.empty())
        return {};
    const auto info = SLIPWAY_TRY(in("SPACELIFT_WORKER_RUNTIME", docker.info(std::move(stop))));
    // A containerd shim is named by its type and needs no entry.
    if (std::ranges::find(info.runtimes, name) != info.runtimes.end() || name.starts_with("io.containerd."))
        return {};
    return Error{Errc::not_found,
        "SPACELIFT_WORKER_RUNTIME: Docker knows no runtime \"" + name + "\", only " + list(info.runtimes)
            + ": install it and name it in the daemon's configuration (/etc/docker/daemon.json, "
              "\"runtimes\")"};
}

/// The addresses are closed from outside, in the container's own network.
Result<void> check_metadata(const ContainerSettings& settings, docker::Docker& docker, std::stop_token stop)
{
    if (settings.metadata == JobMetadata::allow)
        return {};
    const auto refuse = [](const std::string& why) {
        return Error{Errc::invalid_input,
            "SLIPWAY_JOB_METADATA: the addresses cannot be denied to jobs " + why
                + ", or take the setting away and keep the machine's role poor"};
    };
    if (settings.network == "host" || settings.network.starts_with("container:"))
        return refuse("in a network that is not theirs: set SPACELIFT_WORKER_NETWORK to another");
    if (!settings.runtime.empty() && settings.runtime != "runc" && settings.runtime != "crun")
        return refuse("of a runtime with network code of its own: leave SPACELIFT_WORKER_RUNTIME");
    if (::geteuid() != 0 || SLIPWAY_TRY(own_container(docker, std::move(stop))))
        return refuse("by this process: run the launcher as root, on the machine itself");
    return {};
}

bool needs_probe(const ContainerSettings& settings)
{
    const JobResources plain;
    const JobResources& job = settings.job;
    return !settings.mounts.empty() || job.cap_drop != plain.cap_drop || !job.cap_add.empty()
        || !job.security_opt.empty() || !job.ulimits.empty() || job.memory_bytes != 0 || job.nano_cpus != 0;
}

/// The id of an image with nothing in it.
Result<std::string> probe_image(docker::Docker& docker, std::stop_token stop)
{
    const auto found = docker.inspect_image(kProbeImage, stop);
    if (found)
        return found->id;
    if (found.error().code() != Errc::not_found)
        return found.error();
    std::string path = (std::filesystem::temp_directory_path() / "slipway-probe-XXXXXX").string();
    const UniqueFd file{::mkostemp(path.data(), O_CLOEXEC)};
    if (file.get() < 0)
        return Error::from_errno("making an empty image", errno);
    ::unlink(path.c_str());
    SLIPWAY_TRY(write_all(file.get(), std::string(1024, '\0'))); // The end of a tar archive, and no more.
    return docker.import_image(
        {.repository = "slipway-probe", .tag = "empty", .changes = {"CMD [\"/none\"]"}}, file.get(),
        std::move(stop));
}

/// One container that is made and removed.
Result<void> probe(const ContainerSettings& settings, bool applies, docker::Docker& docker,
    const ProbeMarks& marks, std::stop_token stop)
{
    slot::SlotSpec slot;
    fill(slot, settings, {}, applies);
    docker::ContainerSpec spec{.image = SLIPWAY_TRY(probe_image(docker, stop)), .mounts = slot.mounts};
    spec.name = marks.name;
    spec.labels = marks.labels;
    spec.network_mode = "none";
    spec.runtime = slot.runtime;
    spec.cap_add = slot.cap_add;
    spec.cap_drop = slot.cap_drop;
    spec.security_opt = slot.security_opt;
    spec.pids_limit = slot.pids_limit;
    spec.memory_bytes = slot.memory_bytes;
    spec.nano_cpus = slot.nano_cpus;
    spec.ulimits = slot.ulimits;
    const auto made = docker.create_container(spec, stop);
    if (made)
        return docker.remove_container(made->id, {.force = true, .volumes = true}, {});
    const auto code = made.error().code();
    if (code == Errc::unreachable || code == Errc::timed_out || code == Errc::cancelled)
        return made.error();
    const bool cache
        = std::ranges::find(slot.mounts, kPackagesMount, &docker::Mount::target) != slot.mounts.end();
    return Error{Errc::invalid_input,
        std::string{cache ? "SLIPWAY_PROVIDER_CACHE, " : ""}
            + (slot.mounts.size() > (cache ? 1 : 0) ? "SPACELIFT_WORKER_EXTRA_MOUNTS (and _RO_, _WO_), " : "")
            + "SLIPWAY_JOB_*: Docker refuses the container of a job: " + made.error().message()
            + ": make what is missing on Docker's host, or change the setting"};
}

} // namespace

bool has_own_network(const ContainerSettings& settings) { return settings.network == kNetworkPerJob; }

bool depends_on_stage(const ContainerSettings& settings)
{
    return std::ranges::any_of(
        settings.mounts, [](const ExtraMount& mount) { return mount.stages != StageClass::every; });
}

void fill(slot::SlotSpec& spec, const ContainerSettings& settings, const protocol::StageLimits& limits,
    bool applies)
{
    const JobResources& job = settings.job;
    spec.network = has_own_network(settings) ? spec.name : settings.network;
    spec.runtime = settings.runtime;
    for (const auto& mount : settings.mounts)
        if (applies_to(mount.stages, applies))
            spec.mounts.push_back({.kind = docker::MountKind::bind,
                .source = mount.host,
                .target = mount.container,
                .read_only = mount.read_only});
    spec.cap_add = job.cap_add;
    spec.cap_drop = job.cap_drop;
    spec.security_opt = job.security_opt;
    spec.ulimits = job.ulimits;
    spec.memory_bytes = lower(static_cast<std::int64_t>(job.memory_bytes), limits.memory_bytes);
    spec.nano_cpus = lower(job.nano_cpus, limits.nano_cpus);
    spec.pids_limit = lower(job.pids, limits.pids);
    spec.shm_bytes
        = job.shm_bytes == 0 ? std::nullopt : std::optional{static_cast<std::int64_t>(job.shm_bytes)};
}

Result<void> check_containers(
    const ContainerSettings& settings, docker::Docker& docker, const ProbeMarks& marks, std::stop_token stop)
{
    SLIPWAY_TRY(check_metadata(settings, docker, stop));
    SLIPWAY_TRY(check_network(settings.network, docker, stop));
    SLIPWAY_TRY(check_runtime(settings.runtime, docker, stop));
    if (!needs_probe(settings))
        return {};
    SLIPWAY_TRY(probe(settings, false, docker, marks, stop));
    if (depends_on_stage(settings))
        SLIPWAY_TRY(probe(settings, true, docker, marks, std::move(stop)));
    return {};
}

} // namespace slipway::launcher
