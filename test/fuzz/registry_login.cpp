#include "launcher/registry/credential_helper.h"
#include "launcher/registry/docker_config.h"
#include "launcher/registry/ecr.h"

#include <cstdint>
#include <string_view>

/// Everything from which a login is read, on the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::launcher;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    if (const auto config = parse_docker_config(bytes)) {
        (void)config->helper_of("r.example");
        if (const auto* const login = config->login_of("r.example"))
            (void)auth_config(*login, "r.example");
    }
    (void)parse_helper_answer(bytes);
    (void)parse_ecr_answer(bytes);
    (void)parse_aws_keys(bytes);
    (void)ecr_region(bytes);
    return 0;
}
