#include "launcher/masking/forms.h"

#include "common/base64.h"
#include "launcher/masking/escapes.h"
#include "launcher/masking/needles.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

using Forms = std::vector<std::string>;

constexpr std::string_view kBlank{" \t\r\n\v\f\0", 7};
constexpr std::string_view kLineEnds{"\r\n\0", 3};
constexpr std::size_t kBase64Line = 76; // GNU base64(1)
constexpr std::size_t kPemLine = 64; // RFC 7468 section 2
constexpr std::size_t kHexLine = 60; // xxd -p

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Consecutive pieces of `length` bytes; what is left at the end alone, and with what is before it.
void add_pieces(std::string_view form, std::size_t length, std::size_t least, Forms& to)
{
    for (std::size_t at = 0; at < form.size(); at += length)
        if (const auto piece = form.substr(at, length); piece.size() >= least)
            to.emplace_back(piece);
    if (form.size() > length)
        to.emplace_back(form.substr(form.size() - length));
}

void add(std::string_view form, std::size_t least, Forms& to)
{
    add_pieces(form, Needles::kLongest, least, to);
}

std::string url_alphabet(std::string base64)
{
    std::ranges::replace(base64, '+', '-');
    std::ranges::replace(base64, '/', '_');
    return base64;
}

/// What base64 shows of the value wherever it stands in what is encoded: the characters that no byte before
/// or after it has a part in; and at the end, with the padding.
void add_base64(std::string_view value, Forms& to)
{
    for (std::size_t before = 0; before < 3; ++before) {
        const std::string all = base64_encode(std::string(before, '\0') + std::string{value});
        const std::size_t begin = before == 0 ? 0 : before + 1;
        const std::size_t own = (before + value.size()) * 8 / 6;
        const std::string_view inner = std::string_view{all}.substr(begin, own - begin);
        const std::string_view last = std::string_view{all}.substr(begin);
        for (const auto form : {inner, last}) {
            add(form, kLeastMasked, to);
            add(url_alphabet(std::string{form}), kLeastMasked, to);
        }
        if (before == 0 && last.size() > kPemLine) {
            add_pieces(last, kBase64Line, kLeastEncoded, to);
            add_pieces(last, kPemLine, kLeastEncoded, to);
        }
    }
}

void add_hex(std::string_view value, Forms& to)
{
    std::string hex = hex_encode(value);
    const bool wraps = hex.size() > kHexLine;
    for (int i = 0; i < 2; ++i) {
        add(hex, kLeastEncoded, to);
        if (wraps)
            add_pieces(hex, kHexLine, kLeastEncoded, to);
        std::ranges::transform(
            hex, hex.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
    }
}

/// A text as it is and, where that is worth it, as others write it.
void add_text(std::string_view text, bool encoded, Forms& to)
{
    add(text, kLeastMasked, to);
    if (encoded && text.size() >= kLeastEncoded)
        for (const auto& escaped : escapes_of(text))
            add(escaped, kLeastMasked, to);
}

} // namespace

bool is_too_short(std::string_view value)
{
    const auto text = trimmed(value);
    return !text.empty() && text.size() < kLeastMasked;
}

void add_forms(std::string_view value, Forms& to)
{
    value = trimmed(value);
    if (value.size() < kLeastMasked)
        return;
    const std::size_t before = to.size();
    const bool encoded = value.size() <= kMostEncoded;
    add_text(value, encoded, to);
    if (value.find_first_of(kLineEnds) != std::string_view::npos)
        for (std::string_view rest = value; !rest.empty();) {
            const std::size_t end = std::min(rest.find_first_of(kLineEnds), rest.size());
            if (const auto line = trimmed(rest.substr(0, end)); line.size() >= kLeastMasked)
                add_text(line, encoded, to);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    if (encoded && value.size() >= kLeastEncoded) {
        add_base64(value, to);
        add_hex(value, to);
    }
    // A zero byte in the log ends everything that is held back: no needle goes across one.
    std::erase_if(to, [](const std::string& form) { return form.find('\0') != std::string::npos; });
    std::sort(to.begin() + static_cast<std::ptrdiff_t>(before), to.end());
    to.erase(std::unique(to.begin() + static_cast<std::ptrdiff_t>(before), to.end()), to.end());
}

} // namespace slipway::launcher
