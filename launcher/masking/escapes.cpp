#include "launcher/masking/escapes.h"

#include "common/utf8.h"

#include <algorithm>
#include <cstdint>

namespace slipway::launcher {

namespace {

constexpr std::string_view kLowerDigits = "0123456789abcdef";
constexpr std::string_view kUpperDigits = "0123456789ABCDEF";

bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

void append_hex(std::string& out, std::uint32_t value, int digits)
{
    for (int i = digits - 1; i >= 0; --i)
        out += kLowerDigits[value >> (4 * i) & 15U];
}

struct JsonStyle {
    bool slash = false; ///< `\/`
    bool html = false; ///< <, >, & as numbers
    bool ascii = false; ///< everything above ASCII as numbers
};

std::string json(std::string_view text, JsonStyle style)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        constexpr std::string_view shortened = "\b\f\n\r\t";
        if (c == '"' || c == '\\' || (style.slash && c == '/')) {
            out += '\\';
            out += c;
        } else if (const auto at = shortened.find(c); at != std::string_view::npos) {
            out += '\\';
            out += "bfnrt"[at];
        } else if (static_cast<unsigned char>(c) < 0x20 || (style.html && is_in("<>&", c))) {
            out += "\\u";
            append_hex(out, static_cast<unsigned char>(c), 4);
        } else if (const auto length
                   = style.ascii && static_cast<unsigned char>(c) >= 0x80 ? utf8_length(text.substr(i)) : 0;
                   length != 0) {
            const auto code = static_cast<std::uint32_t>(utf8_decode(text.substr(i, length)));
            const std::uint32_t above = code - 0x10000;
            if (code >= 0x10000) {
                out += "\\u";
                append_hex(out, 0xD800 + (above >> 10U), 4);
            }
            out += "\\u";
            append_hex(out, code >= 0x10000 ? 0xDC00 + (above & 0x3FFU) : code, 4);
            i += length - 1;
        } else {
            out += c;
        }
    }
    return out;
}

std::string url(std::string_view text, std::string_view kept, std::string_view digits, bool plus)
{
    std::string out;
    for (const char c : text) {
        if (is_alphanumeric(c) || is_in("-._~", c) || is_in(kept, c)) {
            out += c;
        } else if (plus && c == ' ') {
            out += '+';
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    return out;
}

/// Each character of `special` with a backslash before it.
std::string backslashed(std::string_view text, std::string_view special)
{
    std::string out;
    for (const char c : text) {
        if (is_in(special, c))
            out += '\\';
        out += c;
    }
    return out;
}

std::string in_single_quotes(std::string_view text, std::string_view quote)
{
    std::string out;
    for (const char c : text) {
        if (c == '\'')
            out += quote;
        else
            out += c;
    }
    return out;
}

/// As bash prints it between $' and '.
std::string in_dollar_quotes(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        constexpr std::string_view shortened = "\a\b\t\n\v\f\r\x1b";
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\'' || c == '\\') {
            out += '\\';
            out += c;
        } else if (const auto at = shortened.find(c); at != std::string_view::npos) {
            out += '\\';
            out += "abtnvfrE"[at];
        } else if (byte < 0x20 || byte == 0x7F) {
            out += '\\';
            for (const unsigned shift : {6U, 3U, 0U})
                out += static_cast<char>('0' + (byte >> shift & 7U));
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace

std::vector<std::string> escapes_of(std::string_view text)
{
    std::vector<std::string> forms;
    for (const bool html : {false, true})
        for (const bool ascii : {false, true})
            forms.push_back(json(text, {.slash = false, .html = html, .ascii = ascii}));
    forms.push_back(json(text, {.slash = true, .html = false, .ascii = true}));
    forms.push_back(json(text, {.slash = true, .html = false, .ascii = false}));
    // Strict; encodeURIComponent of ECMAScript; paths; encodeURI.
    for (const std::string_view kept : {"", "!*'()", "/", "!*'();/?:@&=+$,#"})
        for (const auto digits : {kUpperDigits, kLowerDigits}) {
            forms.push_back(url(text, kept, digits, false));
            forms.push_back(url(text, kept, digits, true));
        }
    forms.push_back(in_single_quotes(text, "'\\''"));
    forms.push_back(in_single_quotes(text, "'\"'\"'"));
    forms.push_back(in_dollar_quotes(text));
    forms.push_back(backslashed(text, "\"$`\\"));
    // printf %q of bash, and what a person types.
    forms.push_back(backslashed(text, " \t\n!\"#$&'()*,;<>?[\\]^`{|}~"));
    forms.push_back(backslashed(text, " \t\n!\"#$&'()*;<>?[\\]`{|}"));
    std::ranges::sort(forms);
    const auto same = std::ranges::unique(forms);
    forms.erase(same.begin(), same.end());
    std::erase(forms, text);
    return forms;
}

} // namespace slipway::launcher
