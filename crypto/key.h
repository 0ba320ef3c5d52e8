#pragma once

#include "common/result.h"
#include "common/secret.h"
#include "crypto/digest.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::crypto {

struct KeyHandle;

/// Sizes of the RSA keys we take: less is breakable, more only costs time (one operation with 8192 bits takes
/// some 20 ms).
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

/// An RSA public key. Valid if it exists; cheap to copy; thread-safe.
class PublicKey {
public:
    /// From a PEM block: a certificate or a public key (SubjectPublicKeyInfo, RFC 5280). Fails with
    /// `invalid_input`, and says what was given instead.
    static Result<PublicKey> from_pem(std::string_view text);

    /// SHA-256 of the DER of the SubjectPublicKeyInfo: names the key in certificates, requests and envelopes.
    [[nodiscard]] const Digest& fingerprint() const noexcept;

    /// RSA-PSS, SHA-256, MGF1 with SHA-256, 32 bytes of salt (RFC 8017). Fails with `rejected` unless this
    /// key's private half signed exactly `message`.
    [[nodiscard]] Result<void> verify(std::string_view message, std::string_view signature) const;

    /// RSA-OAEP, SHA-256, MGF1 with SHA-256, no label (RFC 8017). For keys: at most 190 bytes fit 2048 bits.
    [[nodiscard]] Result<std::string> wrap(const Secret& secret) const;

    /// PEM of the SubjectPublicKeyInfo ("PUBLIC KEY").
    [[nodiscard]] Result<std::string> to_pem() const;

    [[nodiscard]] int bits() const noexcept;

private:
    friend class PrivateKey;
    friend class Certificate;
    friend class Csr;
    friend class CertificateAuthority;
    explicit PublicKey(std::shared_ptr<const KeyHandle> handle);
    std::shared_ptr<const KeyHandle> handle_;
};

/// An RSA private key. Valid if it exists: its numbers have been tried against each other. Its memory is
/// wiped when the last copy goes. Cheap to copy; thread-safe.
class PrivateKey {
public:
    /// From PEM: PKCS#1 ("RSA PRIVATE KEY") or PKCS#8 ("PRIVATE KEY"), any line ends, at most 64 KiB. Other
    /// blocks in the text (a certificate, say) are skipped. Fails with `invalid_input`, and says what was
    /// given instead: a key with a passphrase, a request, a certificate, a public key, a key that is not RSA
    /// or too short. The caller wipes `text`.
    static Result<PrivateKey> from_pem(std::string_view text);

    /// From base64 of the PEM, in one line or wrapped; plain PEM is taken too. Fails as `from_pem`, and when
    /// the text is not base64 (which byte) or is a pool token.
    static Result<PrivateKey> from_base64_pem(std::string_view text);

    /// A new key; OpenSSL's own generator supplies the randomness.
    static Result<PrivateKey> generate(int bits);

    /// Unencrypted PKCS#8 PEM.
    [[nodiscard]] Result<Secret> to_pem() const;

    [[nodiscard]] const PublicKey& public_key() const noexcept { return public_; }

    [[nodiscard]] const Digest& fingerprint() const noexcept { return public_.fingerprint(); }

    /// As `PublicKey::verify` expects it. As long as the key (256 bytes for 2048 bits), different each time.
    [[nodiscard]] Result<std::string> sign(std::string_view message) const;

    /// Opens what `PublicKey::wrap` made. Fails with `rejected` if it was made for another key or changed.
    [[nodiscard]] Result<Secret> unwrap(std::string_view wrapped) const;

private:
    PrivateKey(std::shared_ptr<const KeyHandle> handle, PublicKey public_key);
    static Result<PrivateKey> from_handle(KeyHandle handle);

    std::shared_ptr<const KeyHandle> handle_;
    PublicKey public_;
};

} // namespace slipway::crypto
