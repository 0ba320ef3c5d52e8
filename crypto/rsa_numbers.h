#pragma once

#include "crypto/openssl_ptr.h"

namespace slipway::crypto {

/// Whether each number of a private RSA key of two primes is what the others make it (RFC 8017 section 3.2).
/// It costs a hundredth of a signature. False as well when that cannot be told: a number is missing, there
/// are more primes, or memory is short. That the factors are primes is taken on trust, as it is when a key
/// signs.
[[nodiscard]] bool numbers_fit(const EVP_PKEY* pkey);

} // namespace slipway::crypto
