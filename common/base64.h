#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

namespace slipway {

/// Standard base64 with padding (RFC 4648 section 4), one line.
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// Reads standard base64. White space anywhere is ignored, since plain `base64` wraps its output; padding
/// may be missing. Fails with `invalid_input` and the number (from 1) of the first wrong byte.
/// The result may hold a secret: the caller wipes it.
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);

/// Lower-case hexadecimal.
[[nodiscard]] std::string hex_encode(std::string_view bytes);

} // namespace slipway
