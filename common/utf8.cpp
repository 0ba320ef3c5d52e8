#include "common/utf8.h"

#include <array>
#include <cstdio>

namespace slipway {

std::size_t utf8_length(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF)
        return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
    if (first >= 0xF0 && first <= 0xF4) {
        return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2)
                && follows(3)
            ? 4
            : 0;
    }
    return 0;
}

char32_t utf8_decode(std::string_view sequence) noexcept
{
    const auto first = static_cast<unsigned char>(sequence.front());
    if (sequence.size() == 1)
        return first;
    // The first byte of n holds 7 - n bits of the code point, each other one six.
    char32_t c = first & (0x7FU >> sequence.size());
    for (const char byte : sequence.substr(1))
        c = (c << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
    return c;
}

bool is_control(char32_t c) noexcept
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x2028 && c <= 0x202E)
        || (c >= 0x2066 && c <= 0x2069);
}

std::string escape_controls(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view piece = text.substr(0, length == 0 ? 1 : length);
        text.remove_prefix(piece.size());
        if (length != 0 && !is_control(utf8_decode(piece))) {
            out += piece;
        } else if (piece == "\n") {
            out += "\\n";
        } else {
            for (const char byte : piece) {
                std::array<char, 8> escape{};
                std::snprintf(escape.data(), escape.size(), "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(byte)));
                out += escape.data();
            }
        }
    }
    return out;
}

} // namespace slipway
