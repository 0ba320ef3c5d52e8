#include "launcher/masking/masker.h"
#include "test/support/mask_reference.h"
#include "test/support/seed.h"
#include "test/unit/masking/pieces.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

TEST_CASE("all of masking together does not depend on how the log is cut")
{
    std::mt19937 random{seed()};
    const std::vector<std::string_view> values{
        "swordfish", "four", "a longer secret with 'quotes'\nand lines"};
    const auto rules = make_mask_rules(values, true);
    const std::vector<std::string> parts{"swordfish", "sword", "fish", "four", "fo", "\n", "::add-mask ",
        "octopus ", "octopus", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "and lines", "c3dvcmRmaXNo",
        "737764", std::string(1, '\0'), "BEGIN PRIVATE KEY-----", "-----END ", "AKIA", "IOSFODNN7EXAMPLE",
        "plain text "};
    for (int round = 0; round < 300; ++round) {
        std::string log;
        for (std::size_t i = random() % 100; i > 0; --i)
            log += parts[random() % parts.size()];
        Masker at_once{rules};
        const std::string expected = in_pieces(at_once, log, 0);
        Masker masker{rules};
        CHECK((in_random_pieces(masker, log, random) == expected));
        CHECK(expected.find("swordfish") == std::string::npos);
        CHECK(expected.find("four") == std::string::npos);
    }
}

TEST_CASE("without values and patterns every byte passes at once")
{
    Masker masker{make_mask_rules({}, false)};
    std::string out;
    const std::string bytes{"\0\xff text eyJ\x1b[0m AKIA", 21};
    masker.push(bytes, out);
    CHECK(out == bytes);
}

TEST_CASE("another replacement may be asked for")
{
    Masker masker{make_mask_rules({"swordfish"}, true, "***")};
    std::string out;
    masker.push("swordfish AKIAIOSFODNN7EXAMPLE \n::add-mask word\nword", out);
    masker.finish(out);
    CHECK(out == "*** *** \n::add-mask ***\n***");
}

TEST_CASE("after a zero byte nothing is held back, so that a hole in the log keeps its length")
{
    for (const std::string begin : {"swordfis", "::add-mask swordfish", "\n::add-m", "AKIAIOSF",
             "BEGIN PRIVATE KEY-----abc", "eyJhbGciOiJIUzI1NiJ9.eyJz", "ghp_abcdef"}) {
        const auto rules = make_mask_rules({"swordfish"}, true);
        Masker whole{rules};
        std::string ended;
        whole.push(begin, ended);
        whole.finish(ended);
        Masker masker{rules};
        std::string out;
        masker.push(begin, out);
        masker.push(std::string(10, '\0'), out);
        CHECK(out == ended + std::string(10, '\0'));
    }
}
