#include "launcher/masking/masker.h"
#include "launcher/masking/patterns.h"
#include "test/support/seed.h"
#include "test/unit/masking/pieces.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

std::string masked(std::string_view text)
{
    PatternFilter filter{kStars};
    return in_pieces(filter, text, 0);
}

std::string letters(std::size_t count) // no literal begins in it
{
    std::string text;
    while (text.size() < count)
        text += "Zw1KmN2pT9";
    return text.substr(0, count);
}

const std::string kKeyBody = "\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n";

std::string pem(const std::string& label, const std::string& body)
{
    return "-----BEGIN " + label + "-----" + body + "-----END " + label + "-----";
}

/// Each with what must come out.
std::vector<std::pair<std::string, std::string>> known_secrets()
{
    const std::string capitals = "IOSFODNN7EXAMPLE";
    std::vector<std::pair<std::string, std::string>> list{
        {"AKIA" + capitals, "*****"},
        {"id=ASIA" + capitals + ";", "id=*****;"},
        {"\x1b[32mAKIA" + capitals + "\x1b[0m", "\x1b[32m*****\x1b[0m"},
        {"aws_secret_access_key = " + letters(40), "aws_secret_access_key = *****"},
        {"AWS_SECRET_ACCESS_KEY='" + letters(40) + "'", "AWS_SECRET_ACCESS_KEY='*****'"},
        {R"("SecretAccessKey": ")" + letters(40) + "\",", R"("SecretAccessKey": "*****",)"},
        {"abc8Q~" + letters(34) + "\n", "abc*****\n"},
        {"ARM_CLIENT_SECRET=" + letters(40), "ARM_CLIENT_SECRET=*****"},
        {"AccountName=x;AccountKey=" + letters(86) + "==;EndpointSuffix=core.windows.net",
            "AccountName=x;AccountKey=*****;EndpointSuffix=core.windows.net"},
        {"SharedAccessKey=" + letters(43) + "=", "SharedAccessKey=*****"},
        {"https://x.blob.core.windows.net/c?sv=2022&sig=" + letters(40) + "%3D&se=1",
            "https://x.blob.core.windows.net/c?sv=2022&sig=*****&se=1"},
        {"github_pat_" + letters(22) + "_" + letters(59), "*****"},
        {"xoxb-1234567890-" + letters(20), "*****"},
        {"https://hooks.slack.com/services/T00000000/B00000000/" + letters(24),
            "https://hooks.slack.com/services/*****"},
        {"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl-_ end", "Bearer ***** end"},
        {pem("CERTIFICATE", kKeyBody), pem("CERTIFICATE", kKeyBody)},
    };
    for (const auto* prefix : {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"})
        list.emplace_back("token " + (prefix + letters(36)) + ".", "token *****.");
    for (const auto* label : {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
             "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"})
        list.emplace_back("a " + pem(label, kKeyBody) + " z", "a " + pem(label, "*****") + " z");
    return list;
}

} // namespace

TEST_CASE("each well-known secret is masked, and nothing around it")
{
    for (const auto& [text, expected] : known_secrets()) {
        INFO(text);
        CHECK(masked(text) == expected);
    }
}

TEST_CASE("what only begins like a well-known secret passes")
{
    for (const std::string& text : {std::string{"AKIA is a prefix"}, "AKIA" + std::string(15, 'A') + ".",
             "XAKIA" + std::string(16, 'A'), std::string{"ghp_short ghp_"}, std::string{"xoxb-"},
             "aws_secret_access_key = " + letters(39), "aws_secret_access_key is " + letters(40),
             std::string{"eyJhbGciOiJIUzI1NiJ9 is no token"}, std::string{"eyJhbGciOiJIUzI1NiJ9.example.com"},
             "eyJh" + std::string(5000, 'x') + ".eyJzdWIiOiIxMjM0In0.x", std::string{"8Q~short"},
             std::string{"client_secret = (sensitive value)"}, std::string{"BEGIN PRIVATE KEY"}}) {
        INFO(text);
        CHECK(masked(text) == text);
    }
}

TEST_CASE(
    "a private key without an end is masked up to a limit, a lost part of the log, or the end of the log")
{
    const std::string begin = "-----BEGIN PRIVATE KEY-----";
    CHECK(masked(begin + "abc") == begin + "*****");
    CHECK(masked(begin + std::string(PatternFilter::kLongestKey, 'k') + "after") == begin + "*****after");
    CHECK(masked(begin + "abc" + std::string{"\0after", 6}) == begin + "*****" + std::string{"\0after", 6});
    CHECK(masked(begin) == begin + "*****");
}

TEST_CASE("patterns do not depend on how the log is cut")
{
    std::mt19937 random{seed()};
    std::vector<std::string> parts{"\n", " ", "x", "\x1b[31m", "\xff\xfe", std::string(1, '\0'), "eyJ", "A",
        "-----", "BEGIN PRIVATE KEY-----", "-----END ", letters(40), letters(30), "AKIA", ".eyJ",
        "client_secret=", std::string(500, 'y')};
    for (const auto& [text, expected] : known_secrets())
        parts.push_back(text);
    for (int round = 0; round < 300; ++round) {
        std::string log;
        for (std::size_t i = random() % 60; i > 0; --i)
            log += parts[random() % parts.size()];
        if (random() % 20 == 0)
            log += "BEGIN RSA PRIVATE KEY-----"
                + std::string(PatternFilter::kLongestKey - 10 + random() % 20, 'z')
                + "-----END RSA PRIVATE KEY-----";
        PatternFilter filter{kStars};
        const std::string out = in_random_pieces(filter, log, random);
        CHECK((out == masked(log)));
    }
}
