#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway {

/// Bytes of the valid UTF-8 sequence (RFC 3629) at the front of `text`, or 0. `text` is not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

/// The code point of one valid sequence.
[[nodiscard]] char32_t utf8_decode(std::string_view sequence) noexcept;

/// What a terminal or a reader of lines may take for a command: C0, DEL, C1, the separators U+2028 and
/// U+2029, and the marks that turn the direction of text.
[[nodiscard]] bool is_control(char32_t c) noexcept;

/// `text` with each control and each byte that is no UTF-8 written as "\n" or, byte by byte, as "\x1b".
[[nodiscard]] std::string escape_controls(std::string_view text);

} // namespace slipway
