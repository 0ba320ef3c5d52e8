#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>

#include <latch>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;
using http::Reply;
using http::Request;

TEST_CASE("A stop answers parked requests, closes idle connections and ends")
{
    http::Router router = small_router();
    router.add("GET", "/wait", [](const Request& request) {
        return request.last_call ? Reply::text(200, "last call") : Reply::park({"never"}, 60s);
    });
    RunningServer server{std::move(router)};
    RawClient idle{server.port()};
    idle.send(get("/ok"));
    CHECK(idle.reply().body == "ok");
    RawClient silent{server.port()};
    RawClient parked{server.port()};
    parked.send(get("/wait"));
    REQUIRE(comes_true([&] { return server.stats().parked == 1; }));
    server.stop();
    const auto reply = parked.reply();
    CHECK(reply.body == "last call");
    CHECK(reply.head.find("Connection: close\r\n") != std::string::npos);
    CHECK(idle.rest().empty());
    CHECK(silent.rest().empty());
    server.join();
    CHECK(server.stats().connections == 0);
}

TEST_CASE("A stop lets an active request finish")
{
    std::latch entered{1};
    std::latch released{1};
    http::Router router;
    router.add("GET", "/slow", [&](const Request&) {
        entered.count_down();
        released.wait();
        return Reply::text(200, "done");
    });
    RunningServer server{std::move(router)};
    RawClient client{server.port()};
    client.send(get("/slow"));
    entered.wait();
    server.stop();
    released.count_down();
    CHECK(client.reply().body == "done");
    CHECK(client.rest().empty());
    server.join();
}

TEST_CASE("A stop cuts what is not finished at its deadline")
{
    http::ServerOptions options;
    options.deadlines.stop = 100ms;
    RunningServer server{small_router(), options};
    RawClient client{server.port()};
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    CHECK(client.reply().status == 100);
    server.stop();
    CHECK(client.rest().empty());
    server.join();
}

TEST_CASE("A stop before the start makes run return at once")
{
    SystemClock clock;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    http::Topics topics;
    auto server = http::Server::listen({}, small_router(), topics, Logger{sink});
    REQUIRE(server);
    (*server)->stop();
    (*server)->run({});
    CHECK((*server)->stats().connections == 0);
}
