#pragma once

// Private to crypto/.

#include "crypto/certificate.h"
#include "crypto/openssl_ptr.h"

namespace slipway::crypto {

struct Certificate::Impl {
    X509Ptr x509;
};

} // namespace slipway::crypto
