#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::vela {

/// What a ".env" file says.
struct DotEnv {
    std::vector<std::pair<std::string, std::string>> variables; ///< Of a name that stands twice: the last.
    std::vector<int> unread_lines; ///< Numbers, from 1, of lines that are no assignment.
};

/// Reads lines "NAME=value", "export NAME=value" and "NAME: value". '#' begins a comment, within a bare value
/// after a blank only. In single quotes everything stands for itself. In double quotes a backslash makes n, r
/// and t a newline, carriage return and tab, and anything else itself. "$NAME" and "${NAME}" of an earlier
/// line are filled in but in single quotes; others are empty.
[[nodiscard]] DotEnv read_dotenv(std::string_view text);

} // namespace slipway::vela
