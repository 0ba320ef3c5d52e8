#include "launcher/vela/jwt.h"
#include "test/unit/vela/token_maker.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::vela;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

std::chrono::system_clock::time_point at(std::int64_t seconds)
{
    return std::chrono::system_clock::time_point{std::chrono::seconds{seconds}};
}

/// As a Vela server of version 0.28 made it.
const std::string kRecorded = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                              "eyJ0b2tlbl90eXBlIjoiV29ya2VyUmVnaXN0ZXIiLCJzdWIiOiJ2ZWxhLXdvcmtlciIsImV4cCI6MT"
                              "c5NTQxNDg1MSwiaWF0IjoxNzk1NDE0"
                              "NzkxfQ.GnRZoDZbj4a7c1Nr_EaFy9onaJBTO_rReOt7SzkzZK0";

} // namespace

TEST_CASE("A server's token says for whom and how long it is")
{
    const auto claims = read_claims(kRecorded);
    REQUIRE(claims);
    CHECK(claims->subject == "vela-worker");
    CHECK(claims->expires == 1'795'414'851);
}

TEST_CASE("A token is taken for expired ten seconds before its end, and when it names none")
{
    const auto claims = read_claims(kRecorded);
    CHECK_FALSE(claims->expired(at(1'795'414'851 - 11)));
    CHECK(claims->expired(at(1'795'414'851 - 10)));
    CHECK(claims->expired(at(1'795'414'851 + 1)));
    CHECK(read_claims(token_with(R"({"sub":"w"})"))->expired(at(0)));
}

TEST_CASE("The end of a token may have a fraction or an exponent")
{
    CHECK(read_claims(token_with(R"({"exp":1700000000.9})"))->expires == 1'700'000'000);
    CHECK(read_claims(token_with(R"({"exp":1.7e9})"))->expires == 1'700'000'000);
    CHECK(read_claims(token_with(R"({"exp":null,"sub":"w"})"))->expires == std::nullopt);
}

TEST_CASE("What is no token is refused, and the message repeats nothing of it")
{
    const std::string good = token_with(R"({"sub":"hush-hush"})");
    for (const auto& text : {std::string{}, std::string{"hush-hush"}, std::string{"a.b"}, good + ".x",
             good + "=", std::string{"!."} + good.substr(good.find('.') + 1), token_with("hush-hush"),
             token_with("[1]"), token_with(R"({"sub":7,"x":"hush-hush"})"), token_with(R"({"exp":"soon"})"),
             token_with(R"({"exp":-1})"), token_with(R"({"exp":1e300})"), std::string(20'000, 'a') + ".b.c",
             base64url("[]") + good.substr(good.find('.')), good.substr(0, good.find('.')) + "..x"}) {
        CAPTURE(text.substr(0, 80));
        const auto claims = read_claims(text);
        REQUIRE_FALSE(claims);
        CHECK(claims.error().code() == Errc::invalid_input);
        CHECK(claims.error().message().find("hush-hush") == std::string::npos);
    }
}
