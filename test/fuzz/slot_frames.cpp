#include "launcher/slot/frame_reader.h"

#include <cstdint>

/// The first byte chooses how the rest is cut, and whether the peer is admitted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::size_t step = 1 + data[0] / 2U;
    slipway::slot::FrameReader reader;
    if (data[0] % 2 == 1)
        reader.admit();
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    for (std::size_t at = 0; at < bytes.size() && reader.room() > 0;) {
        const std::size_t part = step < reader.room() ? step : reader.room();
        reader.feed(bytes.substr(at, part));
        at += part;
        for (auto frame = reader.next();; frame = reader.next()) {
            if (!frame)
                return 0;
            if (!frame->has_value())
                break;
        }
    }
    return 0;
}
