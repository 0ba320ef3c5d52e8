#pragma once

#include "common/random.h"
#include "common/result.h"
#include "crypto/openssl_ptr.h"

#include <chrono>
#include <string>
#include <string_view>

namespace slipway::crypto {

/// Puts one X.509 version 3 certificate together. The first failure sticks and is told by `sign`. One thread.
class X509Builder {
public:
    using Time = std::chrono::system_clock::time_point;

    X509Builder();

    X509Builder& serial(Random& random);
    X509Builder& validity(Time not_before, Time not_after);
    /// Empty: an empty subject.
    X509Builder& subject(std::string_view common_name);
    X509Builder& key(EVP_PKEY* subject_key);
    /// The issuer's name and key id are copied; none: self-signed. After `subject` and `key`.
    X509Builder& issuer(X509* ca);
    /// `value` in the syntax of x509v3_config(5): constants of ours only.
    X509Builder& extension(int nid, const char* value);
    X509Builder& alternative_names(GENERAL_NAMES* names);

    /// The finished certificate's DER. Call once, last.
    [[nodiscard]] Result<std::string> sign(EVP_PKEY* issuer_key);

private:
    X509Builder& step(bool worked, std::string_view what);
    X509* issuer_certificate();

    X509Cert x509_;
    X509* issuer_ = nullptr;
    std::string failed_;
};

} // namespace slipway::crypto
