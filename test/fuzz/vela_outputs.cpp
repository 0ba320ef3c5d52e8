#include "launcher/vela/prepare.h"

#include <cstdint>
#include <cstdlib>

/// What is read can stand in an environment: names are names, no value holds a zero byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    for (const auto& read : {slipway::vela::read_outputs(text), slipway::vela::read_base64_outputs(text)}) {
        if (!read)
            continue;
        for (const auto& [key, value] : *read)
            if (key.empty() || key.find_first_of(std::string_view{"=\0 \n", 4}) != std::string::npos
                || value.find('\0') != std::string::npos)
                std::abort();
    }
    return 0;
}
