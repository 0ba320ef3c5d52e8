#pragma once

#include "docker-client/docker.h"
#include "launcher/engine_settings.h"

#include <filesystem>
#include <stop_token>

namespace slipway::launcher {

/// The provider cache's packages as all jobs see them. The launcher may itself be a container of that engine;
/// then the directory must be in a volume or a bind mount of it, else this fails with `invalid_input`.
[[nodiscard]] Result<ExtraMount> packages_mount(
    const std::filesystem::path& packages, docker::Docker& docker, std::stop_token stop);

} // namespace slipway::launcher
