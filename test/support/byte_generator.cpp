#include "test/support/byte_generator.h"

#include <array>
#include <cstdio>
#include <sstream>

namespace slipway::test {

namespace {

// Small enough for the arithmetic of each shell.
constexpr std::uint64_t kFactor = 7919;
constexpr std::uint64_t kModulus = 999'983;

} // namespace

std::string ByteGenerator::line(std::uint32_t number) const
{
    const auto check = (number * kFactor + seed_ % kModulus) % kModulus;
    std::array<char, 64> text{};
    const int length = std::snprintf(text.data(), text.size(), "%s%08u %06u\n", kPrefix,
        static_cast<unsigned>(number), static_cast<unsigned>(check));
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string ByteGenerator::lines(std::uint32_t first, std::uint32_t count) const
{
    std::string text;
    for (std::uint32_t i = 0; i < count; ++i)
        text += line(first + i);
    return text;
}

std::string ByteGenerator::bytes(std::uint64_t position, std::size_t length) const
{
    std::string text;
    text.reserve(length);
    for (std::uint64_t i = position; i < position + length; ++i) {
        // splitmix64 of the place of the 8-byte word (public domain, prng.di.unimi.it/splitmix64.c)
        std::uint64_t word = (i / 8 + 1) * 0x9E3779B97F4A7C15U + seed_;
        word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9U;
        word = (word ^ (word >> 27U)) * 0x94D049BB133111EBU;
        text += static_cast<char>((word ^ (word >> 31U)) >> (i % 8 * 8U) & 0xFFU);
    }
    return text;
}

std::string ByteGenerator::shell_line() const
{
    const std::string sum = "i * " + std::to_string(kFactor) + " + " + std::to_string(seed_ % kModulus);
    return std::string{"printf '"} + kPrefix + "%08d %06d\\n' $i $(( (" + sum + ") % "
        + std::to_string(kModulus) + " ))";
}

std::string ByteGenerator::shell(std::uint32_t first, std::uint32_t count, const std::string& pause) const
{
    return "i=" + std::to_string(first) + "; while [ $i -lt " + std::to_string(std::uint64_t{first} + count)
        + " ]; do " + shell_line() + "; " + (pause.empty() ? "" : "sleep " + pause + "; ")
        + "i=$((i + 1)); done";
}

std::string ByteGenerator::first_break(std::string_view log) const
{
    std::istringstream lines{std::string{log}};
    std::uint32_t next = 0;
    for (std::string text; std::getline(lines, text);) {
        if (text.find(kPrefix) == std::string::npos)
            continue;
        if (text + '\n' == line(0))
            next = 1;
        else if (text + '\n' == line(next))
            ++next;
        else if (!line(next).starts_with(text))
            return "after " + std::to_string(next) + " lines of an attempt: " + text;
    }
    return {};
}

} // namespace slipway::test
