#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::vela {

/// The characters of a text. A byte that is no UTF-8 is one of its own, beyond Unicode.
[[nodiscard]] std::u32string to_characters(std::string_view text);

/// A pattern with `*`, `?`, classes and '\'. Its work is bounded by the product of the lengths of pattern and
/// text, so that a hostile one costs no more.
class Glob {
public:
    /// Whether `*` and `?` match '/', too.
    enum class Slash : bool { apart, plain };
    /// `invalid_input`: malformed.
    static Result<Glob> parse(std::u32string_view pattern, Slash slash);

    /// The lengths of the starts of `text` that match as a whole, ascending.
    [[nodiscard]] std::vector<std::size_t> matching_starts(std::u32string_view text) const;
    [[nodiscard]] bool matches(std::u32string_view text) const;

private:
    enum class Kind : std::uint8_t { one, any, many, in, not_in };

    struct Token {
        Kind kind = Kind::one;
        char32_t character = 0;
        std::vector<std::pair<char32_t, char32_t>> ranges;
    };

    static Result<Token> parse_class(std::u32string_view pattern, std::size_t& at);
    [[nodiscard]] bool takes(const Token& token, char32_t character) const;
    void pass_stars(std::vector<bool>& states) const;
    [[nodiscard]] std::vector<bool> step(const std::vector<bool>& states, char32_t character) const;

    std::vector<Token> tokens_;
    Slash slash_ = Slash::apart;
};

} // namespace slipway::vela
