// Any bytes survive encoding; what decodes is the same when encoded and decoded again.
#include "common/base64.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto plain = slipway::base64_decode(slipway::base64_encode(text));
    if (!plain || *plain != text)
        std::abort();
    const auto decoded = slipway::base64_decode(text);
    if (decoded && slipway::base64_decode(slipway::base64_encode(*decoded)).value_or("") != *decoded)
        std::abort();
    return 0;
}
