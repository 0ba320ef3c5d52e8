#pragma once

#include "launcher/environment.h"

namespace slipway::launcher {

/// `slipway-launcher decrypt FILE`: shows what an envelope is about and, with `--out`, opens it with the
/// pool's key; for emergencies, where no control plane is at hand. `argv[0]` is the word "decrypt". The exit
/// code; what went wrong is on standard error.
[[nodiscard]] int decrypt_command(int argc, const char* const* argv, const Environment& environment);

} // namespace slipway::launcher
