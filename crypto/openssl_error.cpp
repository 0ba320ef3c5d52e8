#include "crypto/openssl_error.h"

#include <openssl/err.h>

#include <string>

namespace slipway::crypto {

Error openssl_error(std::string_view action, Errc code)
{
    std::string message{action};
    // The oldest entry is the cause; what follows it are callers passing it on.
    if (const unsigned long oldest = ERR_get_error(); oldest != 0) {
        const char* reason = ERR_reason_error_string(oldest);
        message += ": ";
        message += reason != nullptr ? std::string{reason} : "OpenSSL error " + std::to_string(oldest);
    }
    ERR_clear_error();
    return {code, std::move(message)};
}

} // namespace slipway::crypto
