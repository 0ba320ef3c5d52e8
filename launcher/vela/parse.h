#pragma once

#include "common/result.h"
#include "launcher/vela/model.h"

#include <string_view>

namespace slipway::vela {

/// Largest texts that are read; a larger one is refused with `exhausted`.
inline constexpr std::size_t kMaxItem = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxPipeline = 64 * 1024 * 1024;

/// Unknown fields are ignored, absent ones and null read as empty. Fail with `invalid_input`, naming the
/// place.
[[nodiscard]] Result<QueueItem> read_item(std::string_view json);
[[nodiscard]] Result<Build> read_build(std::string_view json);
/// The executable's text, decoded. A pipeline that has both stages and steps is refused.
[[nodiscard]] Result<Pipeline> read_pipeline(std::string_view json);
[[nodiscard]] Result<SecretValue> read_secret(std::string_view json);

/// `build.whole` with these of its fields replaced by those of `build`: status, error, started, finished,
/// host, runtime, distribution.
[[nodiscard]] std::string whole_build(const Build& build);

} // namespace slipway::vela
