#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// `text` as it stands between the quotes of JSON (RFC 8259; plain, with `\/`, with <, > and & as numbers, as
/// Go writes it, and in ASCII, as Python writes it), in URLs (RFC 3986 and forms, digits in both cases) and
/// in shell commands
/// ('…', $'…', "…", backslashes). Those that are `text` itself are left out.
[[nodiscard]] std::vector<std::string> escapes_of(std::string_view text);

} // namespace slipway::launcher
