#pragma once

#include "common/result.h"
#include "docker-client/docker.h"

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// The id of the container that a process is in, from its /proc/self/mountinfo (the engine mounts files of
/// /…/containers/<id>/ over /etc/hostname and others), else from its /proc/self/cgroup. Nothing: in none, or
/// in one of another kind.
[[nodiscard]] std::optional<std::string> container_id(std::string_view mountinfo, std::string_view cgroup);

/// Where a directory of a container is on the engine's host, by the container's mounts; nothing when no mount
/// holds it.
[[nodiscard]] std::optional<std::filesystem::path> path_on_host(
    const docker::Container& container, const std::filesystem::path& directory);

/// The container of this engine in which this process is; nothing: in none of its.
[[nodiscard]] Result<std::optional<docker::Container>> own_container(
    docker::Docker& docker, std::stop_token stop);

/// How the engine's host names the launcher's state directory. The launcher may itself be a container of that
/// engine; then the directory must be in a volume or a bind mount of it, else this fails with
/// `invalid_input`.
[[nodiscard]] Result<std::filesystem::path> state_directory_on_host(
    docker::Docker& docker, const std::filesystem::path& directory, std::stop_token stop);

} // namespace slipway::launcher
