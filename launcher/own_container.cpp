#include "launcher/own_container.h"

#include "common/file.h"

#include <sstream>

namespace slipway::launcher {

namespace {

constexpr std::size_t kIdSize = 64;
constexpr std::size_t kMaxProc = 4UL * 1024 * 1024;

bool is_id(std::string_view text)
{
    return text.size() == kIdSize && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The first id that follows on `before`.
std::optional<std::string> id_after(std::string_view text, std::string_view before)
{
    for (auto at = text.find(before); at != std::string_view::npos; at = text.find(before, at + 1)) {
        const auto id = text.substr(at + before.size(), kIdSize);
        if (is_id(id))
            return std::string{id};
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> container_id(std::string_view mountinfo, std::string_view cgroup)
{
    // proc(5): the fourth field is the file within its file system, the fifth where it is mounted. An
    // engine's host shows paths of containers too, but mounts none of their files over its own.
    std::istringstream lines{std::string{mountinfo}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields{line};
        std::string skipped;
        std::string root;
        std::string target;
        fields >> skipped >> skipped >> skipped >> root >> target;
        if (target == "/etc/hostname" || target == "/etc/hosts" || target == "/etc/resolv.conf")
            if (auto id = id_after(root, "/containers/"))
                return id;
    }
    for (const std::string_view before : {"/docker/", "/docker-"})
        if (auto id = id_after(cgroup, before))
            return id;
    return std::nullopt;
}

std::optional<std::filesystem::path> path_on_host(
    const docker::Container& container, const std::filesystem::path& directory)
{
    const docker::MountPoint* longest = nullptr;
    for (const auto& mount : container.mounts) {
        const auto inside = directory.lexically_relative(mount.destination);
        if (inside.empty() || *inside.begin() == ".." || mount.source.empty())
            continue;
        if (longest == nullptr || mount.destination.size() > longest->destination.size())
            longest = &mount;
    }
    if (longest == nullptr)
        return std::nullopt;
    return (std::filesystem::path{longest->source} / directory.lexically_relative(longest->destination))
        .lexically_normal();
}

Result<std::optional<docker::Container>> own_container(docker::Docker& docker, std::stop_token stop)
{
    const auto mountinfo = SLIPWAY_TRY(read_file("/proc/self/mountinfo", kMaxProc));
    const auto cgroup = SLIPWAY_TRY(read_file("/proc/self/cgroup", kMaxProc));
    const auto id = container_id(mountinfo, cgroup);
    if (!id)
        return std::optional<docker::Container>{};
    auto container = docker.inspect_container(*id, std::move(stop));
    // A container of another engine, that runs this one inside: both see the same files.
    if (!container && container.error().code() == Errc::not_found)
        return std::optional<docker::Container>{};
    return std::optional{SLIPWAY_TRY(std::move(container))};
}

Result<std::filesystem::path> state_directory_on_host(
    docker::Docker& docker, const std::filesystem::path& directory, std::stop_token stop)
{
    const auto container = SLIPWAY_TRY(own_container(docker, std::move(stop)));
    if (!container)
        return directory;
    const auto host = path_on_host(*container, directory);
    if (host)
        return *host;
    return Error{Errc::invalid_input,
        "SLIPWAY_STATE_DIR: the launcher runs in the container " + container->name + ", and "
            + directory.string()
            + " is in no volume of it: it would be lost with the container, and no job could see its part of "
              "it. "
              "Start the container with -v slipway:"
            + directory.string()};
}

} // namespace slipway::launcher
