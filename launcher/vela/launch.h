#pragma once

namespace slipway::vela {

/// Whether arguments or environment name a Vela server.
[[nodiscard]] bool is_meant(int argc, char** argv);

/// The whole program as a Vela worker; returns its exit code (launcher/exit_codes.h). Before the first
/// thread.
[[nodiscard]] int run_worker(int argc, char** argv);

} // namespace slipway::vela
