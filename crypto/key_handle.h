#pragma once

#include "common/result.h"
#include "crypto/digest.h"
#include "crypto/openssl_ptr.h"

#include <string>

namespace slipway::crypto {

/// A key of OpenSSL's, of any kind, with its fingerprint.
struct KeyHandle {
    EvpPkey pkey;
    Digest fingerprint;

    static Result<KeyHandle> create(EvpPkey pkey);
};

/// DER of the SubjectPublicKeyInfo.
[[nodiscard]] Result<std::string> spki_der(EVP_PKEY* pkey);

/// Fails with `invalid_input` and the remedy unless the key is RSA of a size that we take.
[[nodiscard]] Result<void> require_pool_rsa(EVP_PKEY* pkey);

/// What was written to a memory BIO. Valid while the BIO lives; freeing the BIO wipes it.
[[nodiscard]] std::string_view bio_text(BIO* bio);

} // namespace slipway::crypto
