#pragma once

#include "common/result.h"

#include <chrono>
#include <filesystem>
#include <optional>

/// `drained` in the state directory: since when `slipway-launcher drain` keeps this launcher from taking
/// work, in milliseconds since 1970. It outlives the process, so that neither an update nor a reboot of the
/// host ends what an operator has asked for.
namespace slipway::launcher {

/// Nothing: it is not drained. A mark that cannot be understood counts as set, since the epoch.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> drain_mark(
    const std::filesystem::path& state_directory);

Result<void> set_drain_mark(
    const std::filesystem::path& state_directory, std::chrono::system_clock::time_point since);
Result<void> clear_drain_mark(const std::filesystem::path& state_directory);

} // namespace slipway::launcher
