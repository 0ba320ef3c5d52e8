// An element is verified or refused, and what is verified is what follows the signature.
#include "launcher/vela/queue.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::string_view kKey = "Femn58FPynZyB8PSYMzKCbObEeG7vT7D3tA6kKZIugI=";
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto message = slipway::vela::verified_message(bytes, kKey);
    if (message && *message != bytes.substr(64))
        std::abort();
    // The same bytes as a key.
    (void)slipway::vela::verified_message(std::string_view{kKey}.substr(0, 10), bytes);
    return 0;
}
