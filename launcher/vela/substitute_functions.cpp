#include "launcher/vela/substitute_functions.h"

#include "common/utf8.h"
#include "launcher/vela/glob.h"

#include <algorithm>
#include <charconv>
#include <clocale>
#include <cwctype>

namespace slipway::vela {

namespace {

constexpr char32_t kBeyond = 0x110000;

/// Letters of every script, whatever the locale of the process.
locale_t every_script()
{
    static const locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return made;
}

/// A byte that is no UTF-8 becomes U+FFFD, as it does in the original.
void append(std::string& text, char32_t c)
{
    if (c >= kBeyond)
        c = 0xFFFD;
    const auto more = [&](unsigned shift) { text += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xC0 | (c >> 6));
        more(0);
    } else if (c < 0x10000) {
        text += static_cast<char>(0xE0 | (c >> 12));
        more(6);
        more(0);
    } else {
        text += static_cast<char>(0xF0 | (c >> 18));
        more(12);
        more(6);
        more(0);
    }
}

std::string to_text(std::u32string_view characters)
{
    std::string text;
    text.reserve(characters.size());
    for (const char32_t c : characters)
        append(text, c);
    return text;
}

template <class Change> std::string change_case(std::string_view text, Extent extent, Change change)
{
    std::string changed;
    while (!text.empty()) {
        const auto length = std::max<std::size_t>(utf8_length(text), 1);
        const char32_t c = to_characters(text.substr(0, length)).front();
        append(changed, c >= kBeyond ? c : change(c));
        text.remove_prefix(length);
        if (extent == Extent::first)
            break;
    }
    return changed.append(text);
}

char32_t upper_character(char32_t c)
{
    if (c < 0x80 || every_script() == nullptr)
        return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
    return static_cast<char32_t>(towupper_l(static_cast<std::wint_t>(c), every_script()));
}

char32_t lower_character(char32_t c)
{
    if (c < 0x80 || every_script() == nullptr)
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    return static_cast<char32_t>(towlower_l(static_cast<std::wint_t>(c), every_script()));
}

std::optional<std::int64_t> read_number(std::string_view text)
{
    if (text.starts_with('+') && !text.starts_with("+-"))
        text.remove_prefix(1);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

} // namespace

std::string to_upper(std::string_view text, Extent extent)
{
    return change_case(text, extent, upper_character);
}

std::string to_lower(std::string_view text, Extent extent)
{
    return change_case(text, extent, lower_character);
}

bool is_letter_or_digit(char32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return c < kBeyond && every_script() != nullptr
        && iswalnum_l(static_cast<std::wint_t>(c), every_script()) != 0;
}

std::string slice(std::string_view text, std::string_view position, const std::optional<std::string>& length)
{
    const auto start = read_number(position);
    const auto size = static_cast<std::int64_t>(text.size());
    const auto count = length ? read_number(*length) : size;
    if (!start || !count)
        return std::string{text};
    const std::int64_t from = *start < 0 ? std::max(*start + size, std::int64_t{0}) : *start;
    if (from >= size || *count <= 0)
        return {};
    return std::string{text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(*count))};
}

std::string trim(std::string_view text, std::string_view pattern, End end, Greed greed)
{
    auto characters = to_characters(text);
    auto sought = to_characters(pattern);
    if (end == End::back) {
        std::ranges::reverse(characters);
        std::ranges::reverse(sought);
    }
    std::size_t cut = 0;
    if (const auto glob = Glob::parse(sought, Glob::Slash::plain)) {
        auto lengths = glob->matching_starts(characters);
        std::erase(lengths, std::size_t{0});
        if (!lengths.empty())
            cut = greed == Greed::shortest ? lengths.front() : lengths.back();
    }
    if (end == End::back) {
        characters.erase(0, cut);
        std::ranges::reverse(characters);
        return to_text(characters);
    }
    for (; cut > 0; --cut)
        text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
    return std::string{text};
}

std::string replace(std::string_view text, std::string_view pattern, std::string_view with, Extent extent)
{
    std::string replaced;
    std::size_t done = 0;
    std::size_t found = text.find(pattern);
    while (found != std::string_view::npos) {
        replaced.append(text.substr(done, found - done)).append(with);
        done = found + pattern.size();
        if (extent == Extent::first || (pattern.empty() && found >= text.size()))
            break;
        const std::size_t width
            = pattern.empty() ? std::max<std::size_t>(utf8_length(text.substr(found)), 1) : 0;
        found = text.find(pattern, done + width);
    }
    return replaced.append(text.substr(done));
}

} // namespace slipway::vela
