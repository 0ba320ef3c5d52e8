#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>

#include <atomic>

using namespace slipway;
using namespace slipway::test;
using http::Reply;
using http::Request;

namespace {

std::string head_of_post(const std::string& path, const std::string& headers)
{
    return "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

} // namespace

TEST_CASE("A guard decides on the headers alone: no byte of a stranger's body is waited for")
{
    std::atomic<int> calls{0};
    http::Router router = small_router();
    const auto guard = [](const Request& request) -> Result<std::optional<Reply>> {
        if (request.bearer() == "poison")
            return Error{Errc::internal, "the guard failed"};
        return request.bearer() == "good" ? std::optional<Reply>{}
                                          : std::optional{Reply::problem(401, "who?")};
    };
    const auto count = [&](const Request&) {
        ++calls;
        return Reply::empty(204);
    };
    router.add("POST", "/guarded", count, {.guard = guard});
    RunningServer server{std::move(router)};
    const auto [headers, status] = GENERATE(table<std::string, int>({{"Content-Length: 1000\r\n", 401},
        {"Transfer-Encoding: chunked\r\n", 401}, {"Content-Length: 9\r\nExpect: 100-continue\r\n", 401},
        {"Content-Length: 9\r\nAuthorization: Bearer bad\r\n", 401},
        {"Content-Length: 9\r\nAuthorization: Bearer poison\r\n", 500}}));
    RawClient stranger{server.port()};
    stranger.send(head_of_post("/guarded", headers));
    CHECK(stranger.reply().status == status);
    CHECK(stranger.rest().empty());
    CHECK(calls == 0);
    RawClient known{server.port()};
    known.send(head_of_post("/guarded", "Content-Length: 3\r\nauthorization: bearer good\r\n") + "abc");
    CHECK(known.reply().status == 204);
    CHECK(calls == 1);
}

TEST_CASE("GET and DELETE take no body unless their route says so")
{
    http::Router router;
    const auto ok = [](const Request& request) { return Reply::text(200, request.body); };
    router.add("GET", "/plain", ok);
    router.add("DELETE", "/plain", ok);
    router.add("DELETE", "/reason", ok, {.body_limit = 10});
    RunningServer server{std::move(router)};
    const auto [method, path, status] = GENERATE(table<std::string, std::string, int>({{"GET", "/plain", 413},
        {"HEAD", "/plain", 413}, {"DELETE", "/plain", 413}, {"DELETE", "/reason", 200}}));
    RawClient client{server.port()};
    client.send(method + " " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
    CHECK(client.reply(method == "HEAD").status == status);
    RawClient empty{server.port()};
    empty.send(method + " " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    CHECK(empty.reply(method == "HEAD").status == 200);
}

TEST_CASE("Bodies beyond what the server keeps in memory are answered with 503, the others served")
{
    http::ServerOptions options;
    options.limits.buffered_bytes = 100'000;
    RunningServer server{small_router(), options};
    RawClient first{server.port()};
    first.send(head_of_post("/echo", "Content-Length: 80000\r\n") + std::string(79'999, 'x'));
    REQUIRE(comes_true([&] { return server.stats().buffered == 79'999; }));
    RawClient second{server.port()};
    second.send(post("/echo", std::string(50'000, 'x')));
    const auto refused = second.reply();
    CHECK(refused.status == 503);
    CHECK(refused.head.find("Retry-After: 1") != std::string::npos);
    RawClient third{server.port()};
    third.send(post("/echo", std::string(10'000, 'x')));
    CHECK(third.reply().status == 200);
    first.send("x");
    CHECK(first.reply().body.size() == 80'000);
    CHECK(comes_true([&] { return server.stats().buffered == 0; }));
}
