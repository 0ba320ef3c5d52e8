#include "crypto/key.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// A key that was read is of a size that we take, and can be written and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::crypto;
    const auto key = PrivateKey::from_base64_pem({reinterpret_cast<const char*>(data), size});
    if (!key)
        return 0;
    if (key->public_key().bits() < kMinRsaBits || key->public_key().bits() > kMaxRsaBits)
        std::abort();
    const auto pem = key->to_pem();
    if (!pem)
        std::abort();
    const auto again = PrivateKey::from_pem(pem->reveal());
    if (!again || again->fingerprint() != key->fingerprint())
        std::abort();
    return 0;
}
