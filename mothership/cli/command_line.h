#pragma once

namespace slipway::cli {

/// Exit codes of `slipway`; wrong arguments end it with one of CLI11's, which are over 100.
inline constexpr int kFailed = 1;
inline constexpr int kRunFailed = 2; ///< A followed run ended otherwise than well.
inline constexpr int kReaderGone = 141; ///< Whoever read standard output went away, as a shell shows SIGPIPE.

/// Reads the arguments and does what they ask; returns the exit code. The caller ignores SIGPIPE.
[[nodiscard]] int run_command_line(int argc, const char* const* argv);

} // namespace slipway::cli
