#include "launcher/masking/masker.h"
#include "test/support/mask_reference.h"
#include "test/support/seed.h"
#include "test/unit/masking/pieces.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

std::string masked(std::string_view log, const std::vector<std::string_view>& values = {})
{
    Masker masker{make_mask_rules(values, false)};
    return in_pieces(masker, log, 0);
}

} // namespace

TEST_CASE("words of a line ::add-mask are masked from that line on, which shows none of them")
{
    CHECK(masked("early\n::add-mask early other\nearly and other\n")
        == "early\n::add-mask ***** *****\n***** and *****\n");
    CHECK(masked("::add-mask\tswordfish\r\nswordfish") == "::add-mask *****\n*****");
    CHECK(masked("::add-mask::swordfish\nswordfish") == "::add-mask *****\n*****");
    CHECK(masked("::add-mask swordfish") == "::add-mask *****");
    CHECK(masked("::add-mask\n") == "::add-mask\n");
}

TEST_CASE("what only looks like a line ::add-mask is none")
{
    for (const std::string log :
        {"say ::add-mask word\nword\n", "::add-masks word\nword\n", "::add-mask:word\nword\n",
            "::add-mas word\nword", "x::add-mask word\nword", "::ADD-MASK word\nword"})
        CHECK(masked(log) == log);
}

TEST_CASE("a line ::add-mask says which of its words are not masked")
{
    CHECK(masked("::add-mask abc abcd\nabc abcd\n")
        == "::add-mask ***** ***** [slipway: a word of fewer than 4 bytes is not masked: use a longer "
           "one]\nabc *****\n");
    std::string log;
    for (int i = 0; i < 1001; ++i)
        log += "::add-mask word-" + std::to_string(i) + "-\n";
    const std::string out = masked(log + "word-999- word-1000-\n");
    CHECK(
        out.ends_with("a job may have 1000 words of 64 KiB masked: the others are not]\n***** word-1000-\n"));
    const std::string long_word(40'000, 'w');
    CHECK(masked("::add-mask " + long_word + "\n::add-mask x" + long_word + "\nx" + long_word)
        == "::add-mask *****\n::add-mask ***** [slipway: a job may have 1000 words of 64 KiB masked: the "
           "others are "
           "not]\nx*****");
}

TEST_CASE("of a line ::add-mask that is too long no byte is shown beyond what is masked")
{
    const std::string log
        = "::add-mask first-word " + std::string(AddMask::kLongestLine, 'x') + " last-word\nfirst-word\n";
    CHECK(masked(log)
        == "::add-mask ***** [slipway: the line is too long: what is left out here is not masked]\n*****\n");
    CHECK(masked(log) == masked_log_by_reference(log, {}, kStars));
}

TEST_CASE("a zero byte ends a line ::add-mask, as the hole does that a crash of the host leaves")
{
    CHECK(masked(std::string{"::add-mask swordfish\0\0swordfish\0", 32})
        == std::string{"::add-mask *****\0\0*****\0", 24});
}

TEST_CASE("logs with lines ::add-mask give what the reference gives, however they are cut")
{
    std::mt19937 random{seed()};
    const std::vector<std::string> parts{"::add-mask", "::add-mask ", "\n::add-mask ", "::", " ", "\n",
        "\r\n", "alpha-word", "beta", "gamma", "Zm9vYmFyYmF6", "::add-mask::", "al", "a", "x",
        std::string(1, '\0'), "\t", "swordfish secret", "alpha-word"};
    for (int round = 0; round < 300; ++round) {
        std::string log;
        for (std::size_t i = random() % 80; i > 0; --i)
            log += parts[random() % parts.size()];
        const std::string expected = masked_log_by_reference(log, {"swordfish secret"}, kStars);
        Masker masker{make_mask_rules({"swordfish secret"}, false)};
        CHECK((in_random_pieces(masker, log, random) == expected));
        Masker at_once{make_mask_rules({"swordfish secret"}, false)};
        CHECK((in_pieces(at_once, log, 0) == expected));
    }
}

TEST_CASE("a line's end is never held back for what may follow")
{
    Masker masker{make_mask_rules({}, true)};
    std::string out;
    masker.push("a line\n", out);
    CHECK(out == "a line\n");
    masker.push("::add-", out);
    CHECK(out == "a line\n");
    masker.push("on\n", out);
    CHECK(out == "a line\n::add-on\n");
}

TEST_CASE("a text of its own is masked by what the job has added")
{
    Masker masker{make_mask_rules({"swordfish"}, true)};
    std::string out;
    masker.push("12345\n::add-mask octopus\nocto", out);
    CHECK(masker.text("swordfish and octopus: ghp_abcdefghijklmnopqrstuvwxyz0123456789")
        == "***** and *****: *****");
    masker.push("pus\n", out);
    CHECK(out == "12345\n::add-mask *****\n*****\n");
}
