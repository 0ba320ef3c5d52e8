#pragma once

#include "common/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace slipway::slot {

/// The program slot-init that was built with this launcher: a static ELF file.
[[nodiscard]] std::string_view slot_init_bytes() noexcept;

/// Of its SHA-256 so much that no two builds share it, in hexadecimal digits.
[[nodiscard]] Result<std::string> slot_init_digest();

/// Writes slot-init into `directory` (made if missing) under a name with its SHA-256 and mode 0755, unless
/// that file is there with these bytes. Returns its path. Files of other versions stay: containers may run
/// from them.
[[nodiscard]] Result<std::filesystem::path> install_slot_init(const std::filesystem::path& directory);

} // namespace slipway::slot
