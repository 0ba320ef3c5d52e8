#include "common/http/reply.h"
#include "common/http/request.h"
#include "common/http/server_reply_head.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::http;

TEST_CASE("A target is split first and decoded then, so that an encoded slash makes no segment")
{
    const auto target = parse_target("/a%2Fb/%C3%A4?x=1%262&y=a+b&z&=&x=2");
    REQUIRE(target);
    CHECK(target->path == "/a/b/\xC3\xA4");
    CHECK(target->segments == std::vector<std::string>{"a/b", "\xC3\xA4"});
    CHECK(target->query == Fields{{"x", "1&2"}, {"y", "a b"}, {"z", ""}, {"", ""}, {"x", "2"}});
}

TEST_CASE("The absolute form of a target counts as its path")
{
    CHECK(parse_target("http://host:1/a?b=c")->path == "/a");
    CHECK(parse_target("HTTPS://host/")->path == "/");
    CHECK_FALSE(parse_target("http://host"));
    CHECK_FALSE(parse_target("http://host?x"));
}

TEST_CASE("A target that could mean two things is refused")
{
    const std::string_view target = GENERATE(as<std::string_view>{}, "", "*", "host:443", "a/b", "/%", "/%4",
        "/%zz", "/%00", "/%0a", "/%7f", "/%ff", "/%c0%af", "/%ed%a0%80", "/%f4%90%80%80", "/\xff", "/a/../b",
        "/%2e%2E/b", "/.", "/a#b", "/a?%00=1", "/a?x=%", "/a?x=%ff");
    INFO(target);
    const auto parsed = parse_target(target);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid_input);
}

TEST_CASE("A target has bounds in bytes, segments and query parameters")
{
    const auto repeated = [](std::size_t count, std::string_view part) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i)
            text += part;
        return text;
    };
    CHECK(parse_target("/" + std::string(8191, 'a')));
    CHECK_FALSE(parse_target("/" + std::string(8192, 'a')));
    CHECK(parse_target(repeated(64, "/a")));
    CHECK_FALSE(parse_target(repeated(65, "/a")));
    CHECK(parse_target("/?" + repeated(128, "a&")));
    CHECK_FALSE(parse_target("/?" + repeated(129, "a&")));
}

TEST_CASE("Header names are found in any case and the first one of a name counts")
{
    const Request request{.headers = {{"X-Run", "1"}, {"x-run", "2"}}, .peer = {}};
    CHECK(request.header("x-RUN") == "1");
    CHECK(request.header("x-ru") == std::nullopt);
}

TEST_CASE("A reply's header value cannot make a header of its own")
{
    const auto head = format_head(Reply::text(200, "").with("X", "a\r\nSet-Cookie: b"), {});
    CHECK(head.find("X: a  Set-Cookie: b\r\n") != std::string::npos);
}

TEST_CASE("A status without a body has no Content-Length")
{
    CHECK(format_head(Reply::empty(204), {}).find("Content-Length") == std::string::npos);
    CHECK(format_head(Reply::empty(200), {}).find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("A date is written as RFC 9110 shows it")
{
    CHECK(format_http_date(std::chrono::system_clock::from_time_t(784111777))
        == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("A problem names its status, detail and code, but an internal failure's detail stays here")
{
    const Reply refused = Reply::problem(Error{Errc::rejected, "no \"pool\""});
    CHECK(refused.status == 403);
    CHECK(refused.headers == Fields{{"Content-Type", "application/problem+json"}});
    CHECK(std::get<std::string>(refused.body)
        == R"({"title":"Forbidden","status":403,"detail":"no \"pool\"","code":"rejected"})");
    const Reply internal = Reply::problem(Error{Errc::internal, "sqlite: /var/lib/x"});
    CHECK(internal.status == 500);
    CHECK(std::get<std::string>(internal.body).find("sqlite") == std::string::npos);
}
