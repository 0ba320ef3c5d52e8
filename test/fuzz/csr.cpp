#include "crypto/csr.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// The key of a request that was read can be written and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::crypto;
    const auto csr = Csr::from_text({reinterpret_cast<const char*>(data), size});
    if (!csr)
        return 0;
    const auto pem = csr->public_key().to_pem();
    if (!pem)
        std::abort();
    const auto again = PublicKey::from_pem(*pem);
    if (!again || again->fingerprint() != csr->fingerprint())
        std::abort();
    return 0;
}
