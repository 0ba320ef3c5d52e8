#include "launcher/masking/value_filter.h"
#include "test/support/mask_reference.h"
#include "test/support/seed.h"
#include "test/unit/masking/pieces.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

std::string random_text(std::mt19937& random, std::size_t length, std::size_t letters)
{
    std::string text;
    for (std::size_t i = 0; i < length; ++i)
        text += static_cast<char>('a' + random() % letters);
    return text;
}

std::vector<Needle> random_needles(
    std::mt19937& random, std::size_t count, std::size_t longest, std::size_t letters)
{
    std::vector<Needle> needles;
    for (std::size_t i = 0; i < count; ++i)
        needles.push_back({.text = random_text(random, 4 + random() % (longest - 3), letters)});
    return needles;
}

ValueFilter filter_of(const std::vector<Needle>& needles)
{
    return {std::make_shared<Needles>(needles), kStars};
}

std::string masked(std::string_view text, const std::vector<Needle>& needles)
{
    auto filter = filter_of(needles);
    return in_pieces(filter, text, 0);
}

} // namespace

TEST_CASE("each byte of any occurrence is masked, and what touches shows as one")
{
    CHECK(masked("say swordfish now", {{"swordfish"}}) == "say ***** now");
    CHECK(masked("abcdef", {{"abcd"}, {"cdef"}}) == "*****"); // overlapping
    CHECK(masked("abcdefgh", {{"abcd"}, {"efgh"}}) == "*****"); // touching
    CHECK(masked("abcd efgh", {{"abcd"}, {"efgh"}}) == "***** *****");
    CHECK(masked("xabcdefx", {{"abcd"}, {"abcdef"}}) == "x*****x"); // the longest
    CHECK(masked("xabcdex", {{"abcd"}, {"abcdef"}}) == "x*****ex");
    CHECK(masked("aaaaaaa", {{"aaaa"}}) == "*****");
    CHECK(masked("abababab", {{"ababab"}}) == "*****");
    CHECK(masked("", {{"abcd"}}).empty());
    CHECK(masked("abcd", {}) == "abcd");
}

TEST_CASE("every way of cutting a small text gives what the reference gives")
{
    std::mt19937 random{seed()};
    for (int round = 0; round < 60; ++round) {
        const std::size_t letters = 1 + random() % 3;
        const auto needles = random_needles(random, 1 + random() % 5, 9, letters);
        const std::string text = random_text(random, 11, letters);
        const std::string expected = masked_by_reference(text, needles, kStars);
        for (std::uint32_t cuts = 0; cuts < 1U << 10U; ++cuts) {
            auto filter = filter_of(needles);
            const std::string out = in_pieces(filter, text, cuts);
            if (out != expected) {
                INFO(text << " cut " << cuts);
                REQUIRE(out == expected);
            }
        }
    }
}

TEST_CASE("every small text gives what the reference gives, cut anywhere")
{
    const std::vector<Needle> needles{{"abab"}, {"babb"}, {"aabba"}, {"bbbbbb"}};
    const auto compiled = std::make_shared<Needles>(needles);
    for (unsigned number = 0; number < 1U << 10U; ++number) {
        std::string text;
        for (unsigned i = 0; i < 10; ++i)
            text += (number >> i & 1U) != 0 ? 'b' : 'a';
        const std::string expected = masked_by_reference(text, needles, kStars);
        for (unsigned cut = 0; cut < 10; ++cut) {
            ValueFilter filter{compiled, kStars};
            const std::string out = in_pieces(filter, text, 1U << cut);
            if (out != expected)
                REQUIRE(text + ": " + out == text + ": " + expected);
        }
    }
}

TEST_CASE("large texts with many needles give what the reference gives, however they are cut")
{
    std::mt19937 random{seed()};
    for (int round = 0; round < 60; ++round) {
        const std::size_t letters = 2 + random() % 25;
        const std::size_t least = 4 + random() % 12;
        auto needles = random_needles(random, 1 + random() % 200, 4 + random() % 60, letters);
        std::erase_if(needles, [&](const Needle& needle) { return needle.text.size() < least; });
        std::string text;
        while (text.size() < 20'000) {
            text += random_text(random, random() % 200, letters);
            if (needles.empty())
                continue;
            const std::string& needle = needles[random() % needles.size()].text;
            text += random() % 3 == 0 ? needle.substr(0, random() % needle.size()) : needle;
        }
        for (auto& needle : needles)
            needle.from = random() % 4 == 0 ? random() % text.size() : 0;
        const std::string expected = masked_by_reference(text, needles, kStars);
        auto filter = filter_of(needles);
        CHECK((in_random_pieces(filter, text, random) == expected));
        auto at_once = filter_of(needles);
        CHECK((in_pieces(at_once, text, 0) == expected));
    }
}

TEST_CASE("short needles, few or many, are found wherever they stand among long ones")
{
    const std::vector<Needle> few{{"~Q12"}, {"eyJh"}, {"hunter"}, {"a longer needle"}, {"longer n"}};
    auto many = few; // more than can be told by a few pairs of bytes
    for (char c = 'A'; c <= 'Z'; ++c)
        many.push_back({.text = std::string{c, 'o', c, static_cast<char>(c + 7)}});
    for (const auto& needles : {few, many})
        for (std::size_t at = 0; at < 150; ++at)
            for (const auto& needle : needles) {
                std::string text(160, '.');
                text.replace(at, needle.text.size(), needle.text);
                const std::string expected = masked_by_reference(text, needles, kStars);
                if (const std::string out = masked(text, needles); out != expected)
                    REQUIRE(out == expected);
            }
}

TEST_CASE("only an end that a needle begins with is held back")
{
    auto filter = filter_of({{"password1"}, {"word"}});
    std::string out;
    filter.push("my pass", out);
    CHECK(out == "my ");
    filter.push("wor", out);
    CHECK(out == "my ");
    filter.push("k", out);
    CHECK(out == "my passwork");
    filter.push(" word", out);
    CHECK(out == "my passwork *****");
    filter.push("\n", out);
    CHECK(out == "my passwork *****\n");
    filter.push("pa", out);
    filter.finish(out);
    CHECK(out == "my passwork *****\npa");
}

TEST_CASE("bytes of any value are looked for, and carried")
{
    const std::string secret{"\xff\x00\xfe\n", 4};
    const std::string text = "a" + secret + std::string{"\x00\xff", 2};
    CHECK(masked(text, {{secret}}) == std::string{"a*****\x00\xff", 8});
}
