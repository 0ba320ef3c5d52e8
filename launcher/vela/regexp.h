#pragma once

#include "common/result.h"
#include "launcher/vela/path_match.h"

#include <string_view>

namespace slipway::vela {

/// Whether the pattern, of Go's regexp syntax, is found anywhere in `text`. `invalid_input`: malformed, or
/// larger than 1 MiB when compiled.
[[nodiscard]] Result<Matches> search_regexp(std::string_view pattern, std::string_view text);

} // namespace slipway::vela
