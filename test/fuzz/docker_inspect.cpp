#include "docker-client/parse.h"

#include <cstdint>
#include <string_view>

/// Every answer of the engine that is parsed, on the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::docker;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    (void)parse_info(bytes);
    (void)parse_image(bytes);
    (void)parse_distribution(bytes);
    (void)parse_created(bytes);
    (void)parse_container(bytes);
    (void)parse_containers(bytes);
    (void)parse_networks(bytes);
    (void)parse_wait(bytes);
    (void)parse_message(bytes);
    (void)parse_time(bytes);
    (void)split_image(bytes);
    return 0;
}
