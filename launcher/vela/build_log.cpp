#include "launcher/vela/build_log.h"

#include "launcher/vela/shipped_log.h"

namespace slipway::vela {

Result<std::unique_ptr<ContainerLog>> ContainerLog::open(
    const std::filesystem::path& directory, LogShipping shipping, ContainerKind kind, std::int64_t number)
{
    const auto& clock = shipping.clock;
    const auto max_size = shipping.max_size;
    const auto shared = std::make_shared<const LogShipping>(std::move(shipping));
    return ShippedLog::open(
        directory,
        [shared, kind, number](http::ClientRequest::Body log, std::stop_token stop) {
            return shared->server.put_log(
                shared->token(), shared->build, kind, number, std::move(log), std::move(stop));
        },
        clock, max_size);
}

} // namespace slipway::vela
