#pragma once

#include "common/result.h"

#include <filesystem>

namespace slipway::launcher {

/// How much of the file system with `path` is in use, in percent, rounded up, as df(1) shows it: of what
/// others than root may use. A file system without blocks of its own counts as empty.
[[nodiscard]] Result<int> disk_used_percent(const std::filesystem::path& path);

} // namespace slipway::launcher
