#pragma once

#include "launcher/options.h"

#include <filesystem>

namespace slipway::launcher {

/// `slipway-launcher status`, `why`, `drain` and `undrain`: asks the launcher that runs on `state_directory`
/// and prints its answer. Returns the exit code, see exit_codes.h.
[[nodiscard]] int ask(const CommandLine& command_line, const std::filesystem::path& state_directory);

} // namespace slipway::launcher
