#pragma once

#include "common/result.h"
#include "common/secret.h"

#include <string>

/// How a person hands over a secret without showing it to others of the machine.
namespace slipway::cli {

/// A line that is typed at the terminal of standard input and not shown; `prompt` goes to standard error.
[[nodiscard]] Result<Secret> read_typed(const std::string& prompt);

/// A file of at most `most` bytes; a regular one that others can read is `rejected`.
[[nodiscard]] Result<Secret> read_secret_file(const std::string& path, std::size_t most);

/// Typed where standard input is a terminal, else all of standard input.
[[nodiscard]] Result<Secret> read_secret_input(const std::string& prompt, std::size_t most);

/// Without one line end at its end.
[[nodiscard]] Secret without_line_end(const Secret& text);

} // namespace slipway::cli
