#include "launcher/image_store.h"

namespace slipway::launcher {

Result<void> ImageStore::make_room(std::set<std::string> in_use, std::stop_token stop)
{
    if (!cleanup_ || !disk_.shortage(stop))
        return {};
    auto docker = SLIPWAY_TRY(docker::Docker::open(engine_));
    return pulled_.clean(
        docker, std::move(in_use), [&] { return !disk_.shortage(stop); }, stop);
}

} // namespace slipway::launcher
