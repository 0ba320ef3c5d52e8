#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Words of the expr language (github.com/expr-lang/expr, docs/language-definition.md).
namespace slipway::vela::expression {

enum class Kind : std::uint8_t { end, number, text, name, sign };

struct Token {
    Kind kind = Kind::end;
    std::string text; ///< Of a text, its value.
    std::size_t at = 0; ///< Byte in the expression.
};

/// `invalid_input`, naming the character where the trouble is, counted from 1.
[[nodiscard]] Error error_at(std::size_t at, std::string_view what);

/// The last one is `Kind::end`.
[[nodiscard]] Result<std::vector<Token>> tokens(std::string_view text);

} // namespace slipway::vela::expression
