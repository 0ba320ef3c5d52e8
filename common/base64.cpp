#include "common/base64.h"

#include <array>
#include <cstdint>

namespace slipway {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto kValues = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i)
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    return values;
}();

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

Error wrong_byte(std::size_t index)
{
    return {Errc::invalid_input, "not valid base64: wrong byte at position " + std::to_string(index + 1)};
}

} // namespace

std::string base64_encode(std::string_view bytes)
{
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto at = [&](std::size_t k) {
            return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U;
        };
        const std::uint32_t group = at(0) << 16U | at(1) << 8U | at(2);
        text += kAlphabet[group >> 18U & 63U];
        text += kAlphabet[group >> 12U & 63U];
        text += i + 1 < bytes.size() ? kAlphabet[group >> 6U & 63U] : '=';
        text += i + 2 < bytes.size() ? kAlphabet[group & 63U] : '=';
    }
    return text;
}

Result<std::string> base64_decode(std::string_view text)
{
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 3);
    std::uint32_t group = 0;
    unsigned have = 0;
    unsigned padding = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_space(c))
            continue;
        if (c == '=' && have >= 2 && have + padding < 4) {
            ++padding;
            continue;
        }
        const auto value = kValues[static_cast<unsigned char>(c)];
        if (value < 0 || padding != 0)
            return wrong_byte(i);
        group = group << 6U | static_cast<std::uint32_t>(value);
        if (++have == 4) {
            bytes += static_cast<char>(group >> 16U & 255U);
            bytes += static_cast<char>(group >> 8U & 255U);
            bytes += static_cast<char>(group & 255U);
            group = have = 0;
        }
    }
    if (have == 1 || (padding != 0 && have + padding != 4))
        return Error{Errc::invalid_input,
            "not valid base64: it ends early, after byte " + std::to_string(text.size())};
    if (have >= 2)
        bytes += static_cast<char>(group >> (have == 2 ? 4U : 10U) & 255U);
    if (have == 3)
        bytes += static_cast<char>(group >> 2U & 255U);
    return bytes;
}

std::string hex_encode(std::string_view bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4U];
        text += digits[static_cast<unsigned char>(c) & 15U];
    }
    return text;
}

} // namespace slipway
