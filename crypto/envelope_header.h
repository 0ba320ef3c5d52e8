#pragma once

#include "common/result.h"
#include "crypto/envelope.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::crypto {

inline constexpr std::size_t kEnvelopeKeySize = 32;

/// One key that can open the envelope.
struct EnvelopeRecipient {
    Digest key_id;
    std::string wrapped_key;
};

/// The part that never changes (docs/envelope.md, "Fixed part").
struct EnvelopeFixed {
    Digest salt;
    Digest commitment;
    EnvelopeContext context;
    std::optional<Digest> maker;
};

/// A header as values, with the bytes that authentication covers.
struct EnvelopeHeader {
    EnvelopeFixed fixed;
    std::string fixed_bytes;
    std::string signature; ///< Empty when there is no maker.
    std::vector<EnvelopeRecipient> recipients;
    Digest list_mac;
};

/// Fails with `invalid_input` if a context field is too long.
[[nodiscard]] Result<std::string> encode_fixed(const EnvelopeFixed& fixed);

/// The recipient list as its authentication code covers it.
[[nodiscard]] std::string encode_recipients(const std::vector<EnvelopeRecipient>& recipients);

/// The whole header: fixed part, signature, list, code.
[[nodiscard]] std::string encode_header(const EnvelopeHeader& header);

/// Reads exactly one header; there is one way only to write each.
[[nodiscard]] Result<EnvelopeHeader> parse_header(std::string_view bytes);

} // namespace slipway::crypto
