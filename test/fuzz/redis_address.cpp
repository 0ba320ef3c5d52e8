// An address is read whole or refused in words that hold nothing of its password.
#include "launcher/vela/redis_address.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using slipway::vela::parse_redis_address;
    if (size == 0)
        return 0;
    const bool sentinel = (data[0] & 1) != 0;
    const std::string_view text{reinterpret_cast<const char*>(data + 1), size - 1};
    if (const auto address = parse_redis_address(text, sentinel)) {
        if (address->hosts.empty() || address->master.empty() == sentinel || address->database < 0)
            std::abort();
        for (const auto& host : address->hosts)
            if (host.name.empty() || host.text().empty() || (host.port == 0) != host.name.starts_with('/'))
                std::abort();
    }
    constexpr std::string_view kPassword = "Zq7-Zq7-Zq7";
    const auto with_login
        = parse_redis_address("redis://u:" + std::string{kPassword} + "@" + std::string{text}, sentinel);
    if (!with_login && with_login.error().message().find(kPassword) != std::string::npos)
        std::abort();
    const auto elsewhere
        = parse_redis_address("redis://h/0?" + std::string{text} + std::string{kPassword} + "@h", sentinel);
    if (!elsewhere && elsewhere.error().message().find(kPassword) != std::string::npos)
        std::abort();
    return 0;
}
