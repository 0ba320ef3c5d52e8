#pragma once

#include <string>
#include <string_view>

namespace slipway::test {

/// base64url without padding.
[[nodiscard]] std::string base64url(std::string_view bytes);

/// A token of three parts with these claims (JSON) and a signature that nobody made.
[[nodiscard]] std::string token_with(std::string_view claims);

} // namespace slipway::test
