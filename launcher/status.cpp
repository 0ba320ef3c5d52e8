#include "launcher/status.h"

#include <array>

namespace slipway::launcher {

namespace {

std::string quantity(std::size_t count, std::string_view one, std::string_view many)
{
    return std::to_string(count) + " " + std::string{count == 1 ? one : many};
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; }

Hold not_registered(const EngineStatus& status, std::string_view url)
{
    return {.cause = "not_registered",
        .text = "not registered with " + std::string{url} + " since the start "
            + human_duration(status.uptime) + " ago"
            + (status.contact_error.empty() ? ": no answer yet" : ": " + status.contact_error),
        .remedy = "see that the control plane runs and that this machine reaches its port"};
}

Hold no_contact(const EngineStatus& status, std::string_view url)
{
    return {.cause = "no_contact",
        .text = "no contact with " + std::string{url} + " for "
            + human_duration(status.contact_age.value_or(status.uptime)) + ": " + status.contact_error,
        .remedy
        = "see that the control plane runs and that this machine reaches its port; what runs goes on"};
}

Hold drained(const Drain& drain)
{
    const std::string since = format_rfc3339(drain.since);
    switch (drain.by) {
    case DrainBy::control_plane:
        return {.cause = "draining",
            .text = "drained by the control plane since " + since,
            .remedy = "let it take work again there (slipway worker undrain)"};
    case DrainBy::command:
        return {.cause = "draining",
            .text = "drained by \"slipway-launcher drain\" since " + since,
            .remedy = "slipway-launcher undrain"};
    case DrainBy::disk:
        return {.cause = "draining",
            .text = "the disk passed SPACELIFT_LAUNCHER_DISK_USAGE_THRESHOLD at " + since
                + ", and the launcher ends with what it holds",
            .remedy = "make room on the disk of the state directory, then start it again"};
    case DrainBy::exit_command:
    case DrainBy::signal:
    case DrainBy::cycle:
        break;
    }
    return {.cause = "draining",
        .text = std::string{drain.by == DrainBy::signal ? "told by a signal"
                        : drain.by == DrainBy::cycle    ? "told by the control plane"
                                                        : "told by \"slipway-launcher drain --exit\""}
            + " at " + since + " to end with what it holds",
        .remedy = "start it again when it has ended"};
}

Hold docker_silent(const EngineStatus& status)
{
    return {.cause = "docker",
        .text
        = "Docker has not answered for " + human_duration(status.docker_since) + ": " + status.docker_error,
        .remedy = "look at Docker's log (journalctl -u docker) and restart it; what runs goes on"};
}

Hold disk_full(const DiskStatus& disk)
{
    Hold hold{.cause = "disk",
        .text = {},
        .remedy
        = "free space in the state directory's file system (docker system df shows what Docker uses)"};
    if (!disk.error.empty())
        hold.text = "the disk of the state directory cannot be looked at: " + disk.error;
    else if (disk.free_bytes < disk.least_free_bytes)
        hold.text = "the disk has " + megabytes(disk.free_bytes) + " free, and below "
            + megabytes(disk.least_free_bytes) + " nothing is taken";
    else
        hold.text = "the disk has " + std::to_string(disk.free_inodes) + " free inodes, and below "
            + std::to_string(disk.least_free_inodes) + " nothing is taken";
    return hold;
}

Hold no_place(const EngineStatus& status)
{
    Hold hold{.cause = "busy",
        .text = (status.capacity == 1 ? "its one place is taken by "
                                      : "all " + std::to_string(status.capacity) + " places are taken by ")
            + quantity(status.stages.size(), status.work, std::string{status.work} + "s") + ":",
        .remedy
        = "wait for them, raise " + std::string{status.capacity_setting} + ", or start another launcher"};
    for (const auto& stage : status.stages)
        hold.text += " " + std::string{to_string(stage.phase)} + " for " + human_duration(stage.elapsed)
            + (status.work == "stage" ? " (run " : " (") + stage.run_id + "),";
    hold.text.pop_back();
    return hold;
}

} // namespace

std::string_view to_string(protocol::WorkerPhase phase) noexcept
{
    constexpr std::array<std::string_view, 7> names{
        "offered", "preparing", "starting", "running", "delivering", "removing", "removing"};
    const auto index = static_cast<std::size_t>(phase);
    return index < names.size() ? names[index] : "unknown";
}

std::string_view to_string(DrainBy by) noexcept
{
    constexpr std::array<std::string_view, 6> names{
        "control plane", "drain command", "drain --exit", "signal", "control plane (cycle)", "disk"};
    const auto index = static_cast<std::size_t>(by);
    return index < names.size() ? names[index] : "unknown";
}

std::vector<Hold> holds(const EngineStatus& status, std::string_view url)
{
    std::vector<Hold> found;
    if (!status.polled)
        found.push_back(not_registered(status, url));
    else if (!status.connected && !status.contact_error.empty())
        found.push_back(no_contact(status, url));
    for (const auto& drain : status.drains)
        found.push_back(drained(drain));
    if (!status.docker_answers)
        found.push_back(docker_silent(status));
    if (status.disk.too_full())
        found.push_back(disk_full(status.disk));
    if (static_cast<int>(status.stages.size()) >= status.capacity)
        found.push_back(no_place(status));
    return found;
}

std::string human_duration(std::chrono::milliseconds time)
{
    const auto seconds = time.count() / 1000;
    const auto two = [](std::int64_t large, const char* unit, std::int64_t small, const char* small_unit) {
        return std::to_string(large) + unit + (small == 0 ? "" : " " + std::to_string(small) + small_unit);
    };
    if (seconds < 60)
        return std::to_string(seconds) + "s";
    if (seconds < 3600)
        return two(seconds / 60, "m", seconds % 60, "s");
    if (seconds < 86'400)
        return two(seconds / 3600, "h", seconds / 60 % 60, "m");
    return two(seconds / 86'400, "d", seconds / 3600 % 24, "h");
}

} // namespace slipway::launcher
