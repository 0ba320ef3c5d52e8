#pragma once

#include "common/result.h"
#include "common/secret.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::crypto {

inline constexpr std::size_t kMaxPemSize = 64 * 1024;

enum class PemKind : std::uint8_t {
    private_key, ///< PKCS#8
    rsa_private_key, ///< PKCS#1
    encrypted_private_key,
    other_private_key, ///< EC, DSA, OpenSSH
    certificate_request,
    certificate,
    public_key,
    unknown,
};

/// What a block is, for people: "a certificate signing request".
[[nodiscard]] std::string describe(PemKind kind);

/// One block of RFC 7468. Views into the text it was read from.
struct PemBlock {
    PemKind kind;
    std::string_view body; ///< Between the two boundary lines.
    std::string_view rest; ///< After the end line.
};

/// The next block of `text`; nothing if there is no begin line. Fails with `invalid_input` if the end line is
/// missing.
[[nodiscard]] Result<std::optional<PemBlock>> next_pem_block(std::string_view text);

/// The DER inside a block.
[[nodiscard]] Result<Secret> pem_der(const PemBlock& block);

/// PEM as it is, or base64 of something: the decoded bytes. Fails with `exhausted` above `max_size` and
/// `invalid_input` when it is neither.
[[nodiscard]] Result<Secret> pem_or_base64(std::string_view text, std::size_t max_size);

/// Whether `text` starts with a brace, white space aside: JSON, so a decoded pool token.
[[nodiscard]] bool looks_like_json(std::string_view text);

} // namespace slipway::crypto
