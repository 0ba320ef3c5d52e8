#pragma once

#include "common/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace slipway {

/// Reads a duration in Go's syntax (pkg.go.dev/time#ParseDuration): "70m", "1h30m", "1.5s", "300ms", "-2s",
/// "0". Units: ns us µs ms s m h. Fails with `invalid_input`, and says what it expects.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// Go's form of a duration, as short as is exact to a nanosecond: "1h10m0s", "7m0s", "1.5s", "0s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

} // namespace slipway
