#pragma once

#include <span>
#include <string_view>

namespace slipway::launcher {

/// The known name that `name` is most likely a slip of: at most three characters apart (Levenshtein), and
/// fewer than half of it. Empty: none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

} // namespace slipway::launcher
