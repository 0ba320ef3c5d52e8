#pragma once

#include "crypto/ca.h"
#include "crypto/key.h"
#include "crypto/token.h"

#include <chrono>
#include <string>

namespace slipway::test {

/// A pool with its key, a control plane's authority, and the values that a launcher of the pool starts with.
/// Throws std::runtime_error when it cannot be made.
struct PoolFixture {
    /// `issued`: the wall clock at which the pool's certificate is made.
    explicit PoolFixture(std::chrono::system_clock::time_point issued);

    [[nodiscard]] std::string token() const { return crypto::encode_pool_token(fields); }

    [[nodiscard]] std::string key_pem() const;
    [[nodiscard]] std::string key_base64() const;

    crypto::CertificateAuthority authority; ///< Of the server's and the pool's certificate.
    crypto::PrivateKey key;
    crypto::PoolToken fields;
};

/// The request that belongs to `key`, as the openssl program makes it.
[[nodiscard]] std::string request_for(const crypto::PrivateKey& key);

} // namespace slipway::test
