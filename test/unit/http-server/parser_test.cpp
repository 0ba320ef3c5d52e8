#include "common/http/server_parser.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::http;

namespace {

// Feeds `bytes` in pieces of `step` and keeps what the parser leaves, as a connection does.
Result<RequestParser> parse(std::string_view bytes, std::size_t step, std::uint64_t most_body = 1000)
{
    RequestParser parser{1024, 10};
    parser.limit_body(most_body);
    std::string kept;
    while (!bytes.empty() && !parser.done()) {
        kept += bytes.substr(0, step);
        bytes.remove_prefix(std::min(step, bytes.size()));
        for (std::size_t used = 1; used > 0 && !parser.done();) {
            used = SLIPWAY_TRY(parser.feed(kept));
            kept.erase(0, used);
        }
    }
    if (!parser.done())
        return Error{Errc::unreachable, "incomplete"};
    return parser;
}

} // namespace

TEST_CASE("A request reads the same however it is cut into pieces")
{
    const auto step = GENERATE(std::size_t{1}, 2U, 3U, 7U, 1000U);
    auto parser = parse("PUT /x?y HTTP/1.1\r\nHost: h\r\nX:  v \r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3;ext=1\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
        step);
    REQUIRE(parser);
    CHECK(parser->method() == "PUT");
    CHECK(parser->target() == "/x?y");
    CHECK(parser->take_headers() == Fields{{"Host", "h"}, {"X", "v"}, {"Transfer-Encoding", "chunked"}});
    CHECK(parser->take_body() == "abc0123456789");
    CHECK(parser->keep_alive());
    CHECK(parser->content_length() == std::nullopt);
}

TEST_CASE("An empty chunked body may come byte by byte")
{
    auto parser = parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1);
    REQUIRE(parser);
    CHECK(parser->take_body().empty());
}

TEST_CASE("A second request behind the first is left alone")
{
    RequestParser parser{1024, 10};
    const std::string one = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto used = parser.feed(one + one);
    REQUIRE(used);
    CHECK(*used == one.size());
    CHECK(parser.done());
}

TEST_CASE("A message that two readers could cut differently is refused")
{
    const std::string_view headers
        = GENERATE(as<std::string_view>{}, "Content-Length: 5abc\r\n", "Content-Length: -1\r\n",
            "Content-Length: 18446744073709551616\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length:\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: identity\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length : 5\r\n", "Host: another\r\n", "X\r\n", "X: a\rb\r\n");
    INFO(headers);
    const auto parser = parse("POST / HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "\r\nabcde", 1000);
    REQUIRE_FALSE(parser);
    CHECK(parser.error().code() == Errc::invalid_input);
}

TEST_CASE("A refused message never counts as complete, even if it seems to have no body")
{
    RequestParser parser{1024, 10};
    CHECK_FALSE(parser.feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"));
    CHECK_FALSE(parser.done());
}

TEST_CASE("A chunk size that is no size, or too large a one, is refused")
{
    const std::string_view size = GENERATE(as<std::string_view>{}, "-1", "-2", "zz", "", "0x5", "+5",
        "7fffffff", "ffffffffffffffff", "fffffffffffffffff", "10000000000000005");
    INFO(size);
    const auto parser = parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + std::string{size} + "\r\nabcde\r\n0\r\n\r\n",
        1000);
    REQUIRE_FALSE(parser);
    CHECK(parser.error().code() != Errc::unreachable);
}

TEST_CASE("HTTP/1.1 needs one Host header and HTTP/1.0 may do without")
{
    CHECK_FALSE(parse("GET / HTTP/1.1\r\n\r\n", 1000));
    const auto old = parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1000);
    REQUIRE(old);
    CHECK_FALSE(old->keep_alive());
    CHECK_FALSE(parse("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 1000));
    CHECK_FALSE(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1000));
}

TEST_CASE("Headers, chunk headers, trailers and bodies have limits")
{
    const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto fails_as_exhausted = [](const std::string& bytes) {
        const auto parser = parse(bytes, 100, 10);
        return !parser && parser.error().code() == Errc::exhausted;
    };
    CHECK(fails_as_exhausted("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x')));
    CHECK(fails_as_exhausted("GET /" + std::string(2000, 'x')));
    std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 10; ++i)
        many += "X: x\r\n";
    CHECK(fails_as_exhausted(many + "\r\n"));
    CHECK(fails_as_exhausted(chunked + "1;" + std::string(2000, 'x')));
    CHECK(fails_as_exhausted(chunked + "0\r\nX: " + std::string(2000, 'x')));
    CHECK(fails_as_exhausted(chunked + "6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n"));
    CHECK(fails_as_exhausted("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nabcdefghijk"));
    CHECK(parse(chunked + "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n", 100, 10));
}
