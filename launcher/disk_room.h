#pragma once

#include "common/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace slipway::launcher {

/// What must stay free of a file system.
struct LeastFree {
    std::uint64_t bytes = 0;
    std::uint64_t inodes = 0; ///< Not looked at where a file system has no fixed number of them.
};

/// What the file system of `path` lacks, in words for people ("too little free disk space: 12 MB"); nothing
/// when there is room.
[[nodiscard]] Result<std::optional<std::string>> disk_shortage(
    const std::filesystem::path& path, const LeastFree& least);

} // namespace slipway::launcher
