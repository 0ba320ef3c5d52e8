#pragma once

// Private to crypto/: what is behind a key.

#include "crypto/key.h"
#include "crypto/openssl_ptr.h"

namespace slipway::crypto {

struct PublicKey::Impl {
    EvpPkey key;
    Digest fingerprint{};
};

struct PrivateKey::Impl {
    EvpPkey key;
    PublicKey public_half;
};

/// Takes an OpenSSL key over if it is RSA of enough bits. `owner` begins the error's sentence: "the request's
/// key".
[[nodiscard]] Result<PublicKey> make_public_key(EvpPkey key, std::string_view owner);

} // namespace slipway::crypto
