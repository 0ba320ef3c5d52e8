#pragma once

#include "common/result.h"
#include "crypto/key.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::crypto {

inline constexpr std::size_t kMaxCsrSize = 64 * 1024;

/// A certificate signing request (PKCS#10, RFC 2986) whose maker has proved to hold the private key. Nothing
/// but the key is taken from it: subject and extensions are ignored, and the subject may be empty.
class Csr {
public:
    /// From PEM or base64 of the PEM, any line ends, one block with nothing after it. Fails with
    /// `invalid_input` if it cannot be read or its key is not RSA of at least 2048 bits, `exhausted` above
    /// `kMaxCsrSize`, and `rejected` if its own signature does not fit.
    static Result<Csr> from_text(std::string_view text);

    [[nodiscard]] const PublicKey& public_key() const noexcept { return key_; }

    [[nodiscard]] const Digest& fingerprint() const noexcept { return key_.fingerprint(); }

    /// The request alone, as PEM: what may be sent, since nothing of the text around it is in there.
    [[nodiscard]] const std::string& pem() const noexcept { return pem_; }

private:
    Csr(PublicKey key, std::string pem);
    PublicKey key_;
    std::string pem_;
};

} // namespace slipway::crypto
