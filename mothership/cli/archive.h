#pragma once

#include "common/result.h"

#include <cstdint>
#include <filesystem>

namespace slipway::cli {

/// Packs what is in `directory` into the tar file `target` (POSIX pax, plain ustar headers where they
/// suffice) with names relative to it, owners left out. `.git` and `.terraform` directories are skipped;
/// sockets, devices and FIFOs are refused. Returns the number of entries.
[[nodiscard]] Result<std::uint64_t> pack_directory(
    const std::filesystem::path& directory, const std::filesystem::path& target);

} // namespace slipway::cli
