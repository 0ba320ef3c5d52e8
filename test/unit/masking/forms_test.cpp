#include "common/base64.h"
#include "launcher/masking/escapes.h"
#include "launcher/masking/forms.h"
#include "launcher/masking/masker.h"
#include "test/support/seed.h"
#include "test/unit/masking/pieces.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

std::string masked(std::string_view text, std::string_view value)
{
    Masker masker{make_mask_rules({value}, false)};
    return in_pieces(masker, text, 0);
}

std::string wrapped(const std::string& text, std::size_t width)
{
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += width)
        out += text.substr(at, width) + "\n";
    return out;
}

std::string random_value(std::mt19937& random, std::size_t length)
{
    const std::string characters
        = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    std::string value;
    while (value.size() < length)
        value += characters[random() % characters.size()];
    value.front() = value.back() = 'x'; // white space around a value is not a part of it
    return value;
}

/// Text in which no form can be by chance.
constexpr std::string_view kAround = "<|>";

} // namespace

TEST_CASE("a value is masked as JSON, URLs and shells write it")
{
    const std::string value = "p@ss \"w/or'd\" <&>\\ \xc3\xa9$`";
    CHECK(masked(value, value) == kStars);
    for (const std::string_view written : {
             R"(p@ss \"w/or'd\" <&>\\ )"
             "\xc3\xa9$`", // JSON
             R"(p@ss \"w\/or'd\" <&>\\ )"
             "\xc3\xa9$`", // PHP
             R"(p@ss \"w/or'd\" \u003c\u0026\u003e\\ )"
             "\xc3\xa9$`", // Go
             R"(p@ss \"w/or'd\" <&>\\ \u00e9$`)", // Python
             "p%40ss%20%22w%2For%27d%22%20%3C%26%3E%5C%20%C3%A9%24%60", // curl
             "p%40ss%20%22w%2for%27d%22%20%3c%26%3e%5c%20%c3%a9%24%60",
             "p%40ss+%22w%2For%27d%22+%3C%26%3E%5C+%C3%A9%24%60", // a form
             "p%40ss%20%22w/or%27d%22%20%3C%26%3E%5C%20%C3%A9%24%60", // Python
             "p%40ss%20%22w%2For'd%22%20%3C%26%3E%5C%20%C3%A9%24%60", // ECMAScript
             "p@ss \"w/or'\\''d\" <&>\\ \xc3\xa9$`", // in '…'
             "p@ss \"w/or\\'d\" <&>\\\\ \xc3\xa9$`", // in $'…'
             "p@ss \\\"w/or'd\\\" <&>\\\\ \xc3\xa9\\$\\`", // in "…"
             "p@ss\\ \\\"w/or\\'d\\\"\\ \\<\\&\\>\\\\\\ \xc3\xa9\\$\\`", // printf %q
         }) {
        INFO(written);
        CHECK(masked("<" + std::string{written} + ">", value) == "<*****>");
    }
    CHECK(masked("a\\nb\\tcdefgh\\u0001", "a\nb\tcdefgh\x01") == kStars);
    CHECK(masked("a\\nb\\tcdefgh\\001", "a\nb\tcdefgh\x01") == kStars);
    CHECK(masked("\\ud83d\\ude00 smile", "\xf0\x9f\x98\x80 smile") == kStars);
}

TEST_CASE("no form of a value of 8 bytes or more survives, at any alignment and in any case")
{
    std::mt19937 random{seed()};
    for (int round = 0; round < 200; ++round) {
        const std::string value = random_value(random, 8 + random() % 300);
        CAPTURE(value);
        std::vector<std::string> written{value, hex_encode(value)};
        written.push_back(written.back());
        std::ranges::transform(written.back(), written.back().begin(),
            [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
        for (const auto& escaped : escapes_of(value))
            written.push_back(escaped);
        for (const auto& text : written) {
            INFO(text);
            CHECK(masked(std::string{kAround} + text + "<|>", value) == "<|>*****<|>");
        }
        for (std::size_t before = 0; before < 3; ++before)
            for (std::size_t after = 0; after < 3; ++after) {
                std::string text = base64_encode(std::string(before, '<') + value + std::string(after, '>'));
                for (const bool url : {false, true}) {
                    if (url) {
                        std::ranges::replace(text, '+', '-');
                        std::ranges::replace(text, '/', '_');
                    }
                    // What stays is what the bytes around have a part in.
                    const std::string out = masked(text, value);
                    const auto stars = out.find(kStars);
                    REQUIRE(stars != std::string::npos);
                    CHECK(stars <= before + 1);
                    CHECK(out.size() - stars - kStars.size() <= (after == 0 ? 0 : after + 4));
                }
            }
    }
}

TEST_CASE("base64 and hexadecimal are masked where their tools break lines")
{
    std::mt19937 random{seed()};
    for (int round = 0; round < 50; ++round) {
        const std::string value = random_value(random, 100 + random() % 200);
        for (const auto& text : {wrapped(base64_encode(value), 76), wrapped(base64_encode(value), 64),
                 wrapped(hex_encode(value), 60)}) {
            const std::string out = masked(text, value);
            INFO(text << "\n" << out);
            // A last line of fewer than 8 characters is the least that is not looked for.
            CHECK(std::ranges::count_if(out, [](char c) { return c != '*' && c != '\n'; }) < 8);
        }
    }
}

TEST_CASE("each line of a value is masked, and the whole as one")
{
    const std::string key = "first line\r\n  second: \"line\"\n\nab\nlast line\n";
    CHECK(masked(key, key) == "*****\n");
    CHECK(masked("x second: \"line\" y\r\nlast line", key) == "x ***** y\r\n*****");
    CHECK(masked(R"({"k":"second: \"line\""})", key) == R"({"k":"*****"})");
    CHECK(masked("ab", key) == "ab");
}

TEST_CASE("a value below 4 bytes is refused, and white space around one is no part of it")
{
    std::vector<std::string> forms;
    for (const auto* value : {"abc", "\n abc\t ", "", " \n"})
        add_forms(value, forms);
    CHECK(forms.empty());
    CHECK(is_too_short("abc"));
    CHECK(is_too_short("\n abc\t "));
    CHECK_FALSE(is_too_short(" \n"));
    CHECK_FALSE(is_too_short("abcd"));
    add_forms(" 1234567\n", forms);
    CHECK(forms == std::vector<std::string>{"1234567"});
    CHECK(masked("[1234]", "1234") == "[*****]");
}

TEST_CASE("a value that is longer than a needle is masked whole, and so are its long lines")
{
    std::mt19937 random{seed()};
    for (const std::size_t length : {255U, 256U, 257U, 511U, 513U, 5000U, 70'000U}) {
        const std::string value = random_value(random, length);
        CHECK(masked("<" + value + ">", value) == "<*****>");
        CHECK(masked("<" + value + ">", "one more\n" + value) == "<*****>");
    }
}

TEST_CASE("a value with zero bytes is masked by what lies between them")
{
    const std::string value{"first part\0second part", 22};
    CHECK(masked("first part second part", value) == "***** *****");
    CHECK(masked(base64_encode(value), value) == kStars);
}
