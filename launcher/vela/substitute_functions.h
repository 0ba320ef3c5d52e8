#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What an expression of `substitute` does with the value of its variable.
namespace slipway::vela {

/// How much of a text is changed.
enum class Extent : bool { first, all };

[[nodiscard]] std::string to_upper(std::string_view text, Extent extent);
[[nodiscard]] std::string to_lower(std::string_view text, Extent extent);
[[nodiscard]] bool is_letter_or_digit(char32_t character);

/// Positions that are no numbers leave the text as it is.
[[nodiscard]] std::string slice(
    std::string_view text, std::string_view position, const std::optional<std::string>& length);

enum class End : bool { front, back };
enum class Greed : bool { shortest, longest };

/// Without the start, or the end, that matches the pattern.
[[nodiscard]] std::string trim(std::string_view text, std::string_view pattern, End end, Greed greed);

/// `pattern` is plain text. An empty one is found before each character and at the end.
[[nodiscard]] std::string replace(
    std::string_view text, std::string_view pattern, std::string_view with, Extent extent);

} // namespace slipway::vela
