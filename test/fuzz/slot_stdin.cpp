// What slot-init reads on stdin: any bytes, with a launcher's frame after them.
#include "launcher/slot-init/cobs.h"
#include "launcher/slot/cobs.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using slipway::slot::CobsDecoder;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    std::string stream{bytes};
    stream.push_back('\0');
    slipway::slot::append_cobs(stream, bytes);
    CobsDecoder decoder;
    std::string frame;
    std::string last;
    bool whole = false;
    for (const char byte : stream) {
        std::uint8_t out = 0;
        const auto step = decoder.take(static_cast<std::uint8_t>(byte), out);
        if (step == CobsDecoder::Step::byte) {
            frame.push_back(static_cast<char>(out));
        } else if (step != CobsDecoder::Step::none) {
            whole = step == CobsDecoder::Step::whole;
            last = std::move(frame);
            frame.clear();
        }
    }
    if (!whole || last != bytes)
        std::abort();
    return 0;
}
