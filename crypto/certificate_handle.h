#pragma once

#include "crypto/digest.h"
#include "crypto/openssl_ptr.h"

#include <chrono>
#include <string>

namespace slipway::crypto {

/// A certificate of OpenSSL's with what we read from it once.
struct CertificateHandle {
    X509Cert x509;
    std::string serial;
    std::string common_name;
    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;
    Digest fingerprint;
    Digest key_fingerprint;
};

} // namespace slipway::crypto
