#include "common/http/url.h"

#include <catch2/catch.hpp>

namespace slipway::http {

TEST_CASE("percent encoding leaves only the unreserved characters as they are", "[http]")
{
    CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
    CHECK(percent_encode("a b/c?d=e&f%") == "a%20b%2Fc%3Fd%3De%26f%25");
    CHECK(percent_encode("\xC3\xA4") == "%C3%A4");
    CHECK(percent_encode(std::string_view{"\0\n", 2}) == "%00%0A");
}

TEST_CASE("a query string encodes names and values", "[http]")
{
    CHECK(query_string({}).empty());
    CHECK(query_string({{"a", "1"}, {"b&", "x=y"}, {"c", ""}}) == "a=1&b%26=x%3Dy&c=");
}

TEST_CASE("a URL is taken apart", "[http]")
{
    const auto url = parse_url("HTTPS://Mothership.Example:8443/worker/v1?x=%20&y");
    REQUIRE(url);
    CHECK(url->scheme == "https");
    CHECK(url->host == "mothership.example");
    CHECK(url->port == 8443);
    CHECK(url->path == "/worker/v1");
    CHECK(url->query == "x=%20&y");
    CHECK(url->origin() == "https://mothership.example:8443");
}

TEST_CASE("a URL without port or path gets those of its scheme", "[http]")
{
    const auto url = parse_url("http://h?q");
    REQUIRE(url);
    CHECK(url->port == 80);
    CHECK(url->path == "/");
    CHECK(url->query == "q");
    CHECK(url->origin() == "http://h");
    CHECK(parse_url("https://h")->port == 443);
}

TEST_CASE("an IPv6 host is written in brackets", "[http]")
{
    const auto url = parse_url("https://[2001:DB8::1]:9/");
    REQUIRE(url);
    CHECK(url->host == "2001:db8::1");
    CHECK(url->origin() == "https://[2001:db8::1]:9");
}

TEST_CASE("a URL that is wrong or holds a password is refused and not repeated", "[http]")
{
    const std::string text = GENERATE(as<std::string>{}, "", "h/p", "ftp://h/", "https://", "https:///p",
        "https://:80/", "https://user:secret@h/", "https://h:0/", "https://h:65536/", "https://h:8x/",
        "https://h:/", "https://h/#f", "https://h/a b", "https://h/\n", "https://h/\xC3\xA4", "https://h/%2",
        "https://h/%zz", "https://[::1/", "https://[abc]/", "https://[::1]x/", "https://h^/", "https://a,b/");
    const auto url = parse_url(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code() == Errc::invalid_input);
    CHECK(url.error().message().find("secret") == std::string::npos);
}

TEST_CASE("a URL over 8192 bytes is refused", "[http]")
{
    CHECK(parse_url("https://h/" + std::string(8182, 'a')));
    CHECK_FALSE(parse_url("https://h/" + std::string(8183, 'a')));
}

} // namespace slipway::http
