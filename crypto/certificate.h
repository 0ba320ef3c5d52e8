#pragma once

#include "common/result.h"
#include "crypto/key.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::crypto {

struct CertificateHandle;

/// An X.509 certificate (RFC 5280). Reading one proves nothing: see `issued_by`. Cheap to copy; thread-safe.
class Certificate {
public:
    /// From the first certificate block of a PEM text of at most 64 KiB. Fails with `invalid_input`.
    static Result<Certificate> from_pem(std::string_view text);
    /// From DER with nothing after it (what a TLS library hands out as the peer's certificate).
    static Result<Certificate> from_der(std::string_view der);

    /// The serial number, lower-case hexadecimal, two digits a byte.
    [[nodiscard]] const std::string& serial() const noexcept;
    /// Both ends of the validity, inclusive. A date beyond what the type holds (the year 2262) reads as its
    /// end.
    [[nodiscard]] std::chrono::system_clock::time_point not_before() const noexcept;
    [[nodiscard]] std::chrono::system_clock::time_point not_after() const noexcept;
    /// SHA-256 of the certificate's DER (what `openssl x509 -fingerprint -sha256` prints).
    [[nodiscard]] const Digest& fingerprint() const noexcept;
    /// SHA-256 of the key's SubjectPublicKeyInfo, for keys of any kind.
    [[nodiscard]] const Digest& key_fingerprint() const noexcept;
    /// The subject's common name in UTF-8; empty if there is none.
    [[nodiscard]] const std::string& subject_common_name() const noexcept;

    /// Fails with `invalid_input` when the key is not RSA of at least 2048 bits (the certificates of our CA
    /// and servers).
    [[nodiscard]] Result<PublicKey> public_key() const;

    /// Whether `ca` is a certificate authority whose name, key id and signature fit this certificate;
    /// `rejected` otherwise. Says nothing about dates.
    [[nodiscard]] Result<void> issued_by(const Certificate& ca) const;

    [[nodiscard]] Result<std::string> to_pem() const;

private:
    friend class CertificateAuthority;
    explicit Certificate(std::shared_ptr<const CertificateHandle> handle);
    std::shared_ptr<const CertificateHandle> handle_;
};

/// Fails with `rejected`, naming both fingerprints, unless `certificate` was made for `key`.
[[nodiscard]] Result<void> key_belongs_to(const PrivateKey& key, const Certificate& certificate);

} // namespace slipway::crypto
