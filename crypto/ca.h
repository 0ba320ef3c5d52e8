#pragma once

#include "common/random.h"
#include "common/result.h"
#include "common/secret.h"
#include "crypto/certificate.h"
#include "crypto/csr.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::crypto {

struct KeyHandle;

/// The names a server certificate is good for.
struct ServerNames {
    std::vector<std::string> dns; ///< Host names, without port; the first label may be "*".
    std::vector<std::string> ips; ///< IPv4 or IPv6 addresses as text.
};

/// A server's certificate and its key.
struct ServerIdentity {
    Certificate certificate;
    Secret key_pem; ///< Unencrypted PKCS#8 PEM.
};

/// Signs the certificates of pools and of the control plane's server. The CA's key is EC P-256: every TLS
/// library and FIPS module takes it, it is as strong as RSA-3072, signs a hundred times faster and is made in
/// no time. Serial numbers are 128 random bits; validity starts five minutes in the past, since clocks
/// differ. Thread-safe if the given `Random` is.
class CertificateAuthority {
public:
    using Time = std::chrono::system_clock::time_point;

    /// A new CA with a self-signed certificate good for 30 years. `common_name` is 1 to 64 bytes.
    static Result<CertificateAuthority> create(std::string_view common_name, Random& random, Time now);

    /// Reads what `certificate().to_pem()` and `key_pem()` wrote. Fails with `rejected` if the two do not
    /// belong together, the passphrase is wrong, or the certificate is not one of a CA.
    static Result<CertificateAuthority> load(
        std::string_view certificate_pem, const Secret& key_pem, const Secret& passphrase = {});

    [[nodiscard]] const Certificate& certificate() const noexcept { return certificate_; }

    /// PKCS#8 PEM, encrypted with AES-256 when there is a passphrase.
    [[nodiscard]] Result<Secret> key_pem(const Secret& passphrase = {}) const;

    /// A client certificate for the request's key, named `pool_id` (1 to 64 bytes), good for ten years or
    /// until the CA ends. Subject and extensions of the request are not copied.
    [[nodiscard]] Result<Certificate> sign_pool_csr(
        const Csr& csr, std::string_view pool_id, Random& random, Time now) const;

    /// A server certificate with a new EC P-256 key, good for 825 days (some clients refuse more): issue a
    /// new one when a third of that is left. Needs at least one name; fails with `invalid_input` naming a bad
    /// one.
    [[nodiscard]] Result<ServerIdentity> issue_server(
        const ServerNames& names, Random& random, Time now) const;

private:
    CertificateAuthority(Certificate certificate, std::shared_ptr<const KeyHandle> key);

    Certificate certificate_;
    std::shared_ptr<const KeyHandle> key_;
};

} // namespace slipway::crypto
