#pragma once

#include "common/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

enum class Matches : bool { no, yes };

/// Go's path.Match: `*` and `?` do not cross '/', "[a-z]" and "[^a]", '\' escapes; the whole of `name`.
/// `invalid_input`: the pattern is malformed.
[[nodiscard]] Result<Matches> path_match(std::string_view pattern, std::string_view name);

/// Whether an image may run privileged: a pattern matches its familiar name with tag, or without it.
/// `invalid_input`: the image cannot be read.
[[nodiscard]] Result<Matches> is_privileged(std::string_view image, const std::vector<std::string>& patterns);

} // namespace slipway::vela
