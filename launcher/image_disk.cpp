#include "launcher/image_disk.h"

#include "docker-client/docker.h"

namespace slipway::launcher {

std::filesystem::path ImageDisk::root(std::stop_token stop)
{
    const std::lock_guard lock{mutex_};
    if (!root_.empty())
        return root_;
    auto docker = docker::Docker::open(engine_);
    if (!docker)
        return {};
    if (const auto info = docker->info(std::move(stop)))
        root_ = info->docker_root_dir;
    return root_;
}

std::optional<std::string> ImageDisk::shortage(std::stop_token stop)
{
    const auto path = root(std::move(stop));
    if (path.empty())
        return std::nullopt;
    auto lacks = disk_shortage(path, least_);
    return lacks ? *std::move(lacks) : std::nullopt;
}

} // namespace slipway::launcher
