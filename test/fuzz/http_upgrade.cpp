// The head of an answer to a request for an upgrade, as a server may send it.
#include "common/http/upgraded_stream.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto head = slipway::http::parse_upgrade_head(bytes);
    if (!head || !*head)
        return 0;
    // A head that was read is within what came, and is the same one byte by byte.
    if ((*head)->size > size || (*head)->status < 100 || (*head)->status > 999)
        std::abort();
    for (std::size_t i = 0; i < (*head)->size; ++i) {
        const auto part = slipway::http::parse_upgrade_head(bytes.substr(0, i));
        if (!part || *part)
            std::abort();
    }
    return 0;
}
