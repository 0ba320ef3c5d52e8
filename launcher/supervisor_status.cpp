#include "launcher/drain_mark.h"
#include "launcher/supervisor.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace slipway::launcher {

namespace {

std::string quantity(std::size_t stages)
{
    return std::to_string(stages) + (stages == 1 ? " stage" : " stages");
}

} // namespace

void Supervisor::begin_drain(DrainBy by, std::chrono::system_clock::time_point since)
{
    if (!drains(by))
        drains_.push_back({by, since});
    tell_change();
}

void Supervisor::end_drain(DrainBy by)
{
    std::erase_if(drains_, [by](const Drain& drain) { return drain.by == by; });
    tell_change();
}

bool Supervisor::drains(DrainBy by) const
{
    return std::ranges::any_of(drains_, [by](const Drain& drain) { return drain.by == by; });
}

bool Supervisor::leaving() const
{
    return std::ranges::any_of(drains_, [](const Drain& drain) { return leaves(drain.by); });
}

void Supervisor::drain(DrainBy by)
{
    std::size_t held = 0;
    {
        const std::lock_guard lock{mutex_};
        begin_drain(by, parts_.services.clock.wall());
        held = jobs_.size();
    }
    if (held == 0)
        parts_.logger.info("draining: nothing is held");
    else
        parts_.logger.info("draining: nothing more is taken; waiting for " + quantity(held)
            + "; TERM again stops " + (held == 1 ? "it" : "them"));
    poke();
}

Result<void> Supervisor::pause()
{
    const auto now = parts_.services.clock.wall();
    {
        const std::lock_guard lock{mutex_};
        if (drains(DrainBy::command))
            return {};
        SLIPWAY_TRY(
            in("writing down that the launcher is drained", set_drain_mark(parts_.journal.directory(), now)));
        begin_drain(DrainBy::command, now);
    }
    parts_.logger.info("drained by \"slipway-launcher drain\": nothing more is taken");
    poke();
    return {};
}

/// A control plane takes a worker's word that it drains as final for its session: it registers anew.
Result<void> Supervisor::resume()
{
    {
        const std::lock_guard lock{mutex_};
        if (leaving())
            return Error{
                Errc::conflict, "the launcher is told to end with what it holds; start it again then"};
        if (!drains(DrainBy::command))
            return {};
        SLIPWAY_TRY(in(
            "writing down that the launcher takes work again", clear_drain_mark(parts_.journal.directory())));
        end_drain(DrainBy::command);
        session_ = false;
    }
    parts_.logger.info("takes work again, by \"slipway-launcher undrain\"");
    poke();
    return {};
}

void Supervisor::stop_jobs()
{
    {
        const std::lock_guard lock{mutex_};
        if (!leaving())
            begin_drain(DrainBy::signal, parts_.services.clock.wall());
        for (const auto& [id, job] : jobs_)
            job->leave();
    }
    poke();
}

void Supervisor::tell_change() const
{
    if (parts_.on_change)
        parts_.on_change();
}

void Supervisor::beat(Loop loop)
{
    beats_.at(static_cast<std::size_t>(loop)) = boot_millis(parts_.services.clock);
}

DiskStatus Supervisor::disk() const
{
    const auto& settings = parts_.services.settings;
    DiskStatus disk{.least_free_bytes = settings.least_free_bytes};

    struct statvfs info { };

    if (::statvfs(parts_.journal.directory().c_str(), &info) != 0) {
        disk.error = Error::from_errno("looking at " + parts_.journal.directory().string(), errno).message();
        return disk;
    }
    disk.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    disk.free_inodes = info.f_favail;
    disk.least_free_inodes = info.f_files == 0 ? 0 : settings.least_free_inodes;
    return disk;
}

EngineStatus Supervisor::status() const
{
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto now = parts_.services.clock.now();
    const auto millis = boot_millis(parts_.services.clock);
    EngineStatus status{.disk = disk(), .capacity = parts_.services.settings.capacity};
    status.idle_slots = parts_.services.host.idle_slots();
    status.transport = parts_.services.host.transport();
    status.uptime = duration_cast<milliseconds>(now - began_);
    for (const auto& beat : beats_)
        status.stalled = std::max(status.stalled, milliseconds{millis - beat});
    const std::lock_guard lock{mutex_};
    status.worker_id = worker_id_;
    status.pool_name = pool_name_;
    status.polled = polled_;
    status.connected = connected_;
    status.contact_error = contact_error_;
    if (contact_)
        status.contact_age = duration_cast<milliseconds>(now - *contact_);
    status.draining = !drains_.empty();
    status.drains = drains_;
    status.docker_answers = docker_answers_;
    status.docker_error = docker_error_;
    status.docker_since = duration_cast<milliseconds>(now - docker_since_);
    for (const auto& [id, job] : jobs_)
        status.stages.push_back(job->status());
    return status;
}

EngineEnd Supervisor::end_of_drain() const
{
    const std::lock_guard lock{mutex_};
    return drains(DrainBy::disk) ? EngineEnd::disk_threshold : EngineEnd::drained;
}

bool Supervisor::idle() const
{
    const std::lock_guard lock{mutex_};
    return leaving() && jobs_.empty();
}

} // namespace slipway::launcher
