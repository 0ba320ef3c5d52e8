#pragma once

#include "launcher/vela/options.h"

#include <string_view>

namespace slipway::vela {

/// Where a process of ours finds its options: arguments, environment, files. Call it before the first thread.
[[nodiscard]] Sources process_sources(int argc, char** argv);

/// The whole program as a Vela worker; returns its exit code (launcher/exit_codes.h). Signals are blocked.
[[nodiscard]] int run_worker(const Sources& sources, std::string_view version);

} // namespace slipway::vela
