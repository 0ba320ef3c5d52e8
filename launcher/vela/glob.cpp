#include "launcher/vela/glob.h"

#include "common/utf8.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr char32_t kBeyond = 0x110000;
constexpr char32_t kReplacement = 0xFFFD;

Error malformed() { return {Errc::invalid_input, "syntax error in pattern"}; }

Result<char32_t> class_end(std::u32string_view pattern, std::size_t& at)
{
    if (at >= pattern.size() || pattern[at] == '-' || pattern[at] == ']')
        return malformed();
    if (pattern[at] == '\\' && ++at >= pattern.size())
        return malformed();
    const char32_t end = pattern[at++];
    if (end >= kBeyond || at >= pattern.size())
        return malformed();
    return end;
}

} // namespace

std::u32string to_characters(std::string_view text)
{
    std::u32string characters;
    characters.reserve(text.size());
    while (!text.empty()) {
        const auto length = utf8_length(text);
        characters += length != 0 ? utf8_decode(text.substr(0, length))
                                  : kBeyond + static_cast<unsigned char>(text.front());
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return characters;
}

Result<Glob::Token> Glob::parse_class(std::u32string_view pattern, std::size_t& at)
{
    Token token{.kind = Kind::in};
    if (at < pattern.size() && pattern[at] == '^') {
        token.kind = Kind::not_in;
        ++at;
    }
    while (token.ranges.empty() || at >= pattern.size() || pattern[at] != ']') {
        const char32_t low = SLIPWAY_TRY(class_end(pattern, at));
        char32_t high = low;
        if (pattern[at] == '-')
            high = SLIPWAY_TRY(class_end(pattern, ++at));
        token.ranges.emplace_back(low, high);
    }
    ++at;
    return token;
}

Result<Glob> Glob::parse(std::u32string_view pattern, Slash slash)
{
    Glob glob;
    glob.slash_ = slash;
    for (std::size_t at = 0; at < pattern.size();) {
        const char32_t character = pattern[at++];
        if (character == '*') {
            if (glob.tokens_.empty() || glob.tokens_.back().kind != Kind::many)
                glob.tokens_.push_back({.kind = Kind::many});
        } else if (character == '?') {
            glob.tokens_.push_back({.kind = Kind::any});
        } else if (character == '[') {
            glob.tokens_.push_back(SLIPWAY_TRY(parse_class(pattern, at)));
        } else if (character == '\\') {
            if (at >= pattern.size())
                return malformed();
            glob.tokens_.push_back({.kind = Kind::one, .character = pattern[at++]});
        } else {
            glob.tokens_.push_back({.kind = Kind::one, .character = character});
        }
    }
    return glob;
}

bool Glob::takes(const Token& token, char32_t character) const
{
    switch (token.kind) {
    case Kind::one:
        return token.character == character;
    case Kind::any:
    case Kind::many:
        return character != '/' || slash_ == Slash::plain;
    case Kind::in:
    case Kind::not_in:
        break;
    }
    const char32_t shown = character >= kBeyond ? kReplacement : character;
    const bool in = std::ranges::any_of(
        token.ranges, [&](const auto& range) { return range.first <= shown && shown <= range.second; });
    return in == (token.kind == Kind::in);
}

void Glob::pass_stars(std::vector<bool>& states) const
{
    for (std::size_t i = 0; i < tokens_.size(); ++i)
        if (states[i] && tokens_[i].kind == Kind::many)
            states[i + 1] = true;
}

std::vector<bool> Glob::step(const std::vector<bool>& states, char32_t character) const
{
    std::vector<bool> next(states.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i)
        if (states[i] && takes(tokens_[i], character))
            next[tokens_[i].kind == Kind::many ? i : i + 1] = true;
    pass_stars(next);
    return next;
}

std::vector<std::size_t> Glob::matching_starts(std::u32string_view text) const
{
    std::vector<bool> states(tokens_.size() + 1);
    states[0] = true;
    pass_stars(states);
    std::vector<std::size_t> lengths;
    for (std::size_t length = 0;; ++length) {
        if (states.back())
            lengths.push_back(length);
        if (length == text.size() || std::ranges::find(states, true) == states.end())
            return lengths;
        states = step(states, text[length]);
    }
}

bool Glob::matches(std::u32string_view text) const
{
    const auto lengths = matching_starts(text);
    return !lengths.empty() && lengths.back() == text.size();
}

} // namespace slipway::vela
