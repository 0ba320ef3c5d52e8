#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::cli {

/// Text from outside as a terminal may safely show it: the bytes of control characters (C0, DEL
/// and C1) become \xNN.
[[nodiscard]] std::string printable(std::string_view text);

/// Columns as wide as their widest cell, two spaces between; the first row is the heading.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// "12 s ago", "3 min ago", "never" for 0. Both in milliseconds since 1970.
[[nodiscard]] std::string format_age(std::int64_t then_ms, std::int64_t now_ms);

/// "340 ms", "1.25 s", "2 min 5 s".
[[nodiscard]] std::string format_span(std::int64_t milliseconds);

/// "1.4 MB", powers of 1000.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// Colours for a state, only when standard output is a terminal and NO_COLOR (no-color.org) is not set.
[[nodiscard]] std::string coloured_state(std::string_view state);

} // namespace slipway::cli
