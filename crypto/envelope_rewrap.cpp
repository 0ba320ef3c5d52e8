#include "crypto/envelope.h"
#include "crypto/envelope_header.h"
#include "crypto/envelope_keys.h"

namespace slipway::crypto {

Result<std::string> rewrap_envelope_header(
    std::string_view header, const std::vector<PrivateKey>& keys, const std::vector<PublicKey>& recipients)
{
    auto parsed = SLIPWAY_TRY(parse_header(header));
    const Secret file_key = SLIPWAY_TRY(recover_file_key(parsed, keys));
    SLIPWAY_TRY(set_recipients(parsed, file_key, recipients));
    return encode_header(parsed);
}

} // namespace slipway::crypto
