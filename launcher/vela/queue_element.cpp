#include "common/base64.h"
#include "crypto/ed25519.h"
#include "launcher/vela/queue.h"

namespace slipway::vela {

Result<std::string> verified_message(std::string_view element, std::string_view public_key)
{
    const auto key = SLIPWAY_TRY(in("the public key of the queue", base64_decode(public_key)));
    if (element.size() < crypto::kEd25519Signature)
        return Error{Errc::invalid_input, "an element of the queue is too short to be signed"};
    const std::string_view message = element.substr(crypto::kEd25519Signature);
    SLIPWAY_TRY(in("an element of the queue",
        crypto::verify_ed25519(message, element.substr(0, crypto::kEd25519Signature), key)));
    return std::string{message};
}

} // namespace slipway::vela
