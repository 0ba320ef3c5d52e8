#pragma once

#include "common/result.h"

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// A program of the machine that is run to its end, such as a credential helper.
struct ProgramCall {
    std::vector<std::string> argv; ///< argv[0]: a path, or a name that is looked up in our PATH.
    std::vector<std::pair<std::string, std::string>> environment; ///< The whole of it.
    std::string_view input; ///< Of its standard input, which ends after it.
    std::chrono::milliseconds deadline{0}; ///< From the start to its end; must be set.
    std::size_t max_output = 64 * 1024; ///< Of standard output.
};

/// How it ended. Output may hold secrets: the caller wipes it.
struct ProgramEnd {
    int code = 0; ///< As a shell shows it: 128 + signal.
    std::string output;
    std::string errors; ///< The first `kMaxProgramErrors` bytes of standard error; the rest is dropped.
};

inline constexpr std::size_t kMaxProgramErrors = 16 * 1024;

/// Runs a program in a session of its own, so that it has no terminal to ask at and can be killed with its
/// children, which happens at its end in any case. Fails with `not_found` (no such program), `timed_out`,
/// `cancelled`, `exhausted` (more output than `max_output`) or `internal`. An exit code other than 0 is no
/// failure. Thread-safe.
[[nodiscard]] Result<ProgramEnd> run_program(const ProgramCall& call, std::stop_token stop);

} // namespace slipway::launcher
