// A compressed workspace, in pieces. (Its envelope is signed: this is the second line.)
#include "launcher/compression.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const std::size_t piece = 1 + data[0];
    std::size_t plain = 0;
    const slipway::launcher::Sink sink = [&](std::string_view more) -> slipway::Result<void> {
        plain += more.size();
        if (plain > 1U << 24U)
            return slipway::Error{slipway::Errc::exhausted, "enough"};
        return {};
    };
    slipway::launcher::Decompressor decompressor{sink};
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
        if (!decompressor.push(bytes.substr(0, piece)))
            return 0;
    (void)!decompressor.finish();
    return 0;
}
