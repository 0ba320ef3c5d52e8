#pragma once

#include "launcher/options.h"
#include "launcher/startup_checks.h"

namespace slipway::launcher {

/// Token and keys as they are now: what HUP asks for. The files are read anew, and the start's checks are
/// made again. Fails, and the launcher stays with what it has, when anything is wrong, when neither came from
/// a file
/// (`conflict`: a process's environment does not change), and when the new token is of another pool or
/// control plane (`conflict`: that takes a restart). The words say what to do.
/// `started`: the configuration of the start, whose trust in authorities holds.
[[nodiscard]] Result<Identity> read_identity_again(const CommandLine& command_line,
    const Environment& environment, const Config& started, const Identity& current, const Clock& clock);

} // namespace slipway::launcher
