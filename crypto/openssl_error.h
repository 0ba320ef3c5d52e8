#pragma once

#include "common/error.h"

#include <string_view>

namespace slipway::crypto {

/// Empties this thread's OpenSSL error queue into an `Error`: "<action>: <reason>". Called right where a call
/// failed.
Error openssl_error(std::string_view action, Errc code = Errc::internal);

} // namespace slipway::crypto
