#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::test;
using namespace std::string_literals;

namespace {

struct Hostile {
    const char* name;
    std::string bytes;
    int status;
};

std::string chunked(const std::string& body)
{
    return "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

std::string with_headers(const std::string& headers, const std::string& body = "hello")
{
    return "POST /echo HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}

std::string many_headers()
{
    std::string headers;
    for (int i = 0; i < 10'000; ++i)
        headers += "A: b\r\n";
    return headers;
}

std::vector<Hostile> hostile_requests()
{
    return {
        {"declared body too large", with_headers("Content-Length: 1048577\r\n"), 413},
        {"declared body of 2^64 - 1", with_headers("Content-Length: 18446744073709551615\r\n"), 413},
        {"chunked body too large",
            chunked("100000\r\n" + std::string(0x100000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"), 413},
        {"many small chunks too large", chunked([] {
             std::string chunks;
             for (int i = 0; i < 70'000; ++i)
                 chunks += "10\r\n0123456789abcdef\r\n";
             return chunks;
         }()),
            413},
        {"chunk size -1", chunked("-1\r\n"), 400},
        {"chunk size -2", chunked("-2\r\n"), 400},
        {"chunk size zz", chunked("zz\r\nabc\r\n"), 400},
        {"chunk size 7fffffff", chunked("7fffffff\r\nabc"), 413},
        {"chunk size of 2^64 - 1", chunked("5\r\nabcde\r\nffffffffffffffff\r\nabc"), 413},
        {"chunk without its end of line", chunked("3\r\nabcXYZ\r\n"), 400},
        {"endless chunk extension", chunked("1;" + std::string(100'000, 'x')), 413},
        {"endless trailer", chunked("0\r\nX: " + std::string(100'000, 'x')), 413},
        {"Content-Length 5abc", with_headers("Content-Length: 5abc\r\n"), 400},
        {"Content-Length 2^64", with_headers("Content-Length: 18446744073709551616\r\n"), 400},
        {"two Content-Lengths", with_headers("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        {"Content-Length and chunked", with_headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            400},
        {"chunked and Content-Length", with_headers("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            400},
        {"unknown Transfer-Encoding", with_headers("Transfer-Encoding: xchunked\r\n"), 400},
        {"endless header", "GET /ok HTTP/1.1\r\nHost: h\r\nX: " + std::string(300'000, 'x'), 431},
        {"10,000 headers", with_headers(many_headers()), 431},
        {"101 short headers", with_headers(many_headers().substr(0, 101 * 6)), 431},
        {"64 KiB header line", with_headers("X: " + std::string(65'536, 'x') + "\r\n"), 431},
        {"64 KiB request line", "GET /" + std::string(65'536, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
        {"invalid UTF-8 in the path", get("/\xff\xfe"), 400},
        {"invalid UTF-8, encoded", get("/%ff%fe"), 400},
        {"bad percent-encoding", get("/%zz"), 400},
        {"encoded NUL in the path", get("/a%00b"), 400},
        {"dot segments", get("/a/../ok"), 400},
        {"NUL in the path", "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"s, 400},
        {"NUL in a header", "GET /ok HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"s, 400},
        {"only NULs", std::string(1000, '\0'), 400},
        {"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400},
        {"no Host", "GET /ok HTTP/1.1\r\n\r\n", 400},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    };
}

} // namespace

TEST_CASE("A hostile request is refused, its connection closed, and the next client is served")
{
    RunningServer server{small_router()};
    for (const auto& hostile : hostile_requests()) {
        INFO(hostile.name);
        RawClient client{server.port()};
        client.send(hostile.bytes);
        // Where a refusal leaves the connection open, this makes it end after the reply.
        client.finish_sending();
        CHECK(client.reply().status == hostile.status);
        CHECK(client.rest().empty());
        RawClient good{server.port()};
        good.send(get("/ok"));
        CHECK(good.reply().body == "ok");
    }
    CHECK(comes_true([&] { return server.stats().connections == 0; }));
}

TEST_CASE("Bytes behind a refused message are never taken for a request")
{
    http::Router router = small_router();
    std::atomic<int> smuggled{0};
    router.add("GET", "/smuggled", [&](const http::Request&) {
        ++smuggled;
        return http::Reply::empty(204);
    });
    RunningServer server{std::move(router)};
    const std::string framing = GENERATE(as<std::string>{}, "Content-Length: 5abc\r\n",
        "Transfer-Encoding: gzip\r\n", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "Content-Length: 99999999\r\n",
        "Content-Length : 5\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n");
    RawClient client{server.port()};
    client.send(with_headers(framing, get("/smuggled")));
    client.finish_sending();
    CHECK(client.reply().status >= 400);
    CHECK(client.rest().empty());
    CHECK(smuggled == 0);
}

TEST_CASE("A body that breaks off is dropped without a call of the handler")
{
    std::atomic<int> calls{0};
    http::Router router;
    router.add("POST", "/count", [&](const http::Request&) {
        ++calls;
        return http::Reply::empty(204);
    });
    RunningServer server{std::move(router)};
    const std::string bytes
        = GENERATE(as<std::string>{}, "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
            "POST /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "POST /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
            "POST /count HT");
    RawClient client{server.port()};
    client.send(bytes);
    client.finish_sending();
    CHECK(client.rest().empty());
    CHECK(calls == 0);
}

TEST_CASE("Connections over the limit are closed and the others served on")
{
    http::ServerOptions options;
    options.limits.connections = 2;
    RunningServer server{small_router(), options};
    RawClient first{server.port()};
    first.send(get("/ok"));
    CHECK(first.reply().status == 200);
    {
        RawClient second{server.port()};
        second.send(get("/ok"));
        CHECK(second.reply().status == 200);
        RawClient third{server.port()};
        CHECK(third.rest().empty());
    }
    REQUIRE(comes_true([&] { return server.stats().connections == 1; }));
    RawClient fourth{server.port()};
    fourth.send(get("/ok"));
    CHECK(fourth.reply().status == 200);
    first.send(get("/ok"));
    CHECK(first.reply().status == 200);
}
