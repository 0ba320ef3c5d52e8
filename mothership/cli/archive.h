#pragma once

#include "common/result.h"

#include <cstdint>
#include <filesystem>

namespace slipway::cli {

/// What the control plane takes as the sources of a stack, in bytes (docs/api.md).
inline constexpr std::uint64_t kMaxSource = std::uint64_t{1} << 30U;

/// Packs what is in `directory` into the tar file `target` (POSIX pax, plain ustar headers where they
/// suffice) with names relative to it, owners left out. `.git` and `.terraform` directories are skipped;
/// sockets, devices and FIFOs are refused, and so is a directory with more than `max_size` bytes in files,
/// before anything is written (`exhausted`). Names are bytes of any kind. Returns the number of entries.
[[nodiscard]] Result<std::uint64_t> pack_directory(const std::filesystem::path& directory,
    const std::filesystem::path& target, std::uint64_t max_size = kMaxSource);

} // namespace slipway::cli
