#pragma once

#include "common/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::vela {

/// What a worker reads of a token (RFC 7519). Nothing of it is verified: the server does that.
struct TokenClaims {
    std::string subject; ///< May be empty.
    std::optional<std::int64_t> expires; ///< Seconds since 1970.

    /// Whether it ends within 10 s, or says no end: time to ask for another one.
    [[nodiscard]] bool expired(std::chrono::system_clock::time_point now) const;
};

/// Fails with `invalid_input` on what is no token of three parts with a JSON header and claims; the message
/// repeats nothing of it.
[[nodiscard]] Result<TokenClaims> read_claims(std::string_view token);

} // namespace slipway::vela
