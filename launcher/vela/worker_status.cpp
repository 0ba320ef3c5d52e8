#include "launcher/vela/worker.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace slipway::vela {

namespace {

/// Nothing is kept free: the original takes builds to the last byte.
launcher::DiskStatus look_at_disk(const std::filesystem::path& directory)
{
    launcher::DiskStatus disk;

    struct statvfs info { };

    if (::statvfs(directory.c_str(), &info) != 0) {
        disk.error = Error::from_errno("looking at " + directory.string(), errno).message();
        return disk;
    }
    disk.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    disk.free_inodes = info.f_favail;
    return disk;
}

std::chrono::milliseconds millis(std::chrono::nanoseconds time)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(time);
}

std::string name_of(const BuildRun& build)
{
    const auto name = build.name();
    return name.org + "/" + name.repo + "/" + std::to_string(name.number);
}

} // namespace

Result<void> Worker::cancel_build(std::string_view name)
{
    std::shared_ptr<BuildRun> found;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& build : builds_)
            if (build && name_of(*build) == name)
                found = build;
    }
    if (!found)
        return Error{Errc::not_found, "no build " + std::string{name} + " runs here"};
    (void)found->cancel(std::chrono::milliseconds{0});
    return {};
}

launcher::EngineStatus Worker::look() const
{
    const auto now = parts_.clock.now();
    launcher::EngineStatus status{.worker_id = parts_.options.hostname,
        .uptime = millis(now - began_),
        .disk = look_at_disk(parts_.directory),
        .capacity = static_cast<int>(parts_.options.build_limit),
        .idle_slots = kits_.idle()};
    status.work = "build";
    status.capacity_setting = "VELA_BUILD_LIMIT";
    status.docker_error = kits_.trouble();
    status.docker_answers = status.docker_error.empty();
    const bool unregistered = !parts_.credentials.has_token();
    const std::lock_guard lock{mutex_};
    // One that waits for an administrator is at its work: nothing but that is missing.
    status.polled = works_ || unregistered;
    status.connected = enlisted_;
    if (!enlisted_)
        status.contact_error = unregistered ? "waiting for registration: vela add worker --worker.hostname "
                + parts_.options.hostname + " --worker.address " + parts_.options.worker_address
                                            : trouble_;
    if (contact_)
        status.contact_age = millis(now - *contact_);
    status.drains = drains_;
    if (paused_)
        status.drains.push_back({launcher::DrainBy::command, *paused_});
    status.draining = !status.drains.empty();
    for (const auto& build : builds_)
        if (build)
            status.stages.push_back({.stage_id = name_of(*build),
                .run_id = name_of(*build),
                .phase = protocol::WorkerPhase::running,
                .elapsed = millis(now - build->since())});
    return status;
}

} // namespace slipway::vela
