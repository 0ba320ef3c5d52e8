#pragma once

namespace slipway::launcher {

/// Whether these words ask a process that runs (`status`, `stop`, …), whatever it serves.
[[nodiscard]] bool asks_one_that_runs(int argc, char** argv);

/// The program for the control plane of docs/protocol.md, and all that is asked of it from a shell; returns
/// its exit code (exit_codes.h). Before the first thread.
[[nodiscard]] int run_launcher(int argc, char** argv);

} // namespace slipway::launcher
