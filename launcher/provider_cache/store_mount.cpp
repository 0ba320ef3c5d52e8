#include "launcher/provider_cache/store_mount.h"

#include "launcher/own_container.h"
#include "launcher/provider_cache/places.h"

namespace slipway::launcher {

Result<ExtraMount> packages_mount(
    const std::filesystem::path& packages, docker::Docker& docker, std::stop_token stop)
{
    ExtraMount mount{.host = packages.string(), .container = std::string{kPackagesMount}, .read_only = true};
    const auto container = SLIPWAY_TRY(own_container(docker, std::move(stop)));
    if (!container)
        return mount;
    const auto host = path_on_host(*container, packages);
    if (!host)
        return Error{Errc::invalid_input,
            "SLIPWAY_PROVIDER_CACHE: the launcher runs in the container " + container->name + ", and "
                + packages.parent_path().string()
                + " is in no volume of it, so that no job could see it: name a directory in one"};
    mount.host = host->string();
    return mount;
}

} // namespace slipway::launcher
