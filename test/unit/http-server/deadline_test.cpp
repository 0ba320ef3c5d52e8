#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

http::ServerOptions patient()
{
    http::ServerOptions options;
    options.deadlines = {.handshake = 60s,
        .header = 60s,
        .body_stall = 60s,
        .bytes_per_second = 1024,
        .idle = 60s,
        .write_stall = 60s,
        .stop = 10s};
    return options;
}

// Every deadline but the one under test is far away, so that only that one can end the connection.
bool good_request(const RunningServer& server)
{
    RawClient client{server.port()};
    client.send(get("/ok"));
    return client.reply().body == "ok";
}

} // namespace

TEST_CASE("Headers that do not end in time are given up, also when bytes keep coming")
{
    auto options = patient();
    options.limits.header_bytes = 64 * 1024 * 1024; // time alone can end them
    options.deadlines.header = 2s;
    RunningServer server{small_router(), options};
    RawClient silent{server.port()};
    RawClient half{server.port()};
    half.send("GET /ok HT");
    RawClient dripping{server.port()};
    dripping.send("GET /ok HTTP/1.1\r\nHost: h\r\nX: ");
    CHECK(comes_true([&] {
        dripping.send("x");
        return server.stats().requests == 2; // refused ones count
    }));
    CHECK(dripping.reply().status == 408);
    CHECK(half.reply().status == 408);
    CHECK(silent.rest().empty());
    CHECK(good_request(server));
}

TEST_CASE("A body that stalls is answered with 408")
{
    auto options = patient();
    options.deadlines.body_stall = 200ms;
    RunningServer server{small_router(), options};
    RawClient client{server.port()};
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(client.reply().status == 408);
    CHECK(good_request(server));
}

TEST_CASE("A body that drips is given up for its rate although it never stalls")
{
    auto options = patient();
    options.deadlines.body_stall = 500ms;
    options.deadlines.bytes_per_second = 1'000'000'000;
    RunningServer server{small_router(), options};
    RawClient client{server.port()};
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
    CHECK(comes_true([&] {
        client.send("x");
        return server.stats().requests == 1;
    }));
    CHECK(client.reply().status == 408);
    CHECK(good_request(server));
}

TEST_CASE("A connection that is idle between requests is closed")
{
    auto options = patient();
    options.deadlines.idle = 200ms;
    RunningServer server{small_router(), options};
    RawClient client{server.port()};
    client.send(get("/ok"));
    CHECK(client.reply().status == 200);
    CHECK(client.rest().empty());
}

TEST_CASE("A peer that does not take its reply is given up")
{
    auto options = patient();
    options.deadlines.write_stall = 200ms;
    http::Router router = small_router();
    const std::string large(32 * 1024 * 1024, 'x');
    router.add("GET", "/large", [&](const http::Request&) { return http::Reply::text(200, large); });
    RunningServer server{std::move(router), options};
    RawClient client{server.port(), 4096};
    client.send(get("/large"));
    REQUIRE(comes_true([&] { return server.stats().requests == 1; }));
    CHECK(comes_true([&] { return server.stats().connections == 0; }));
    CHECK(good_request(server));
}

TEST_CASE("A peer that takes its reply too slowly is given up although it never stalls")
{
    auto options = patient();
    options.deadlines.write_stall = 500ms;
    options.deadlines.bytes_per_second = 1'000'000'000;
    http::Router router = small_router();
    const std::string large(32 * 1024 * 1024, 'x');
    router.add("GET", "/large", [&](const http::Request&) { return http::Reply::text(200, large); });
    RunningServer server{std::move(router), options};
    RawClient client{server.port(), 4096};
    client.send(get("/large"));
    char byte = 0;
    CHECK(comes_true([&] {
        ::recv(client.fd(), &byte, 1, MSG_DONTWAIT);
        return server.stats().requests == 1 && server.stats().connections == 0;
    }));
    CHECK(good_request(server));
}
