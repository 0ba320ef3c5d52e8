#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::crypto {

inline constexpr std::size_t kMaxPoolTokenSize = 256 * 1024;
inline constexpr std::int64_t kPoolTokenVersion = 1;

/// What a launcher needs to know about its pool, apart from the private key. Holds no secret.
struct PoolToken {
    std::string broker_endpoint; ///< Where boot scripts look for the endpoint's name; not used to connect.
    std::string comms_url; ///< Base URL of the worker protocol.
    std::string pool_ulid;
    std::string certificate_pem; ///< The pool's certificate; checked by whoever reads it.
    std::string ca_pem; ///< Empty: the system's trust store.
    std::int64_t version = kPoolTokenVersion;

    friend bool operator==(const PoolToken&, const PoolToken&) = default;
};

/// base64 of JSON in one line: {"broker":{"endpoint"},"comms_url","pool_ulid","certificate","ca","version"}.
[[nodiscard]] std::string encode_pool_token(const PoolToken& token);

/// Reads a token; white space in it and unknown fields are ignored. Fails with `invalid_input` (`exhausted`
/// above `kMaxPoolTokenSize`) and names the byte or the field that is wrong, or what was given in the token's
/// place: a private key, a request, a certificate, the decoded JSON.
[[nodiscard]] Result<PoolToken> decode_pool_token(std::string_view text);

} // namespace slipway::crypto
