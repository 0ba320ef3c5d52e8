#include "crypto/token.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// A token that was read can be written and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::crypto;
    const auto token = decode_pool_token({reinterpret_cast<const char*>(data), size});
    if (!token)
        return 0;
    const auto text = encode_pool_token(*token);
    const auto again = decode_pool_token(text);
    // Escapes may make the written form longer than what is read.
    if (again ? *again != *token : text.size() <= kMaxPoolTokenSize)
        std::abort();
    return 0;
}
