#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

#include <filesystem>

namespace slipway::vela {

/// An empty file that is gone when it is closed, for what is sent and does not fit into memory. Of a
/// directory one at a time.
[[nodiscard]] Result<UniqueFd> open_nameless(const std::filesystem::path& directory);

} // namespace slipway::vela
