#include "common/file.h"
#include "common/http/http_client.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <future>

namespace slipway::http {

using namespace std::chrono_literals;
using test::http_response;
using test::RawHttpServer;

namespace {

using Steady = std::chrono::steady_clock;

HttpClient client_of(const RawHttpServer& server)
{
    auto client = HttpClient::create({.base_url = server.url()});
    REQUIRE(client);
    return *std::move(client);
}

ClientRequest request_of(const std::string& method)
{
    ClientRequest request;
    request.method = method;
    request.url = "/path?token=hidden";
    request.timeout = 20s;
    return request;
}

/// Sends `bytes` to the first request and closes; answers all others.
RawHttpServer::Script broken_once(const std::string& bytes)
{
    return [bytes](RawHttpServer::Connection& peer) {
        if (peer.number() == 0) {
            peer.read_request();
            peer.send(bytes);
            return;
        }
        while (peer.read_request())
            peer.send(http_response(200, "fine"));
    };
}

} // namespace

TEST_CASE("a response that breaks off is unreachable, and the client goes on", "[http]")
{
    const std::string bytes = GENERATE(as<std::string>{}, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
        "no HTTP at all\r\n\r\n", "");
    RawHttpServer server{broken_once(bytes)};
    auto client = client_of(server);
    const auto response = client.send(request_of("POST"), {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::unreachable);
    const auto next = client.send(request_of("POST"), {});
    REQUIRE(next);
    CHECK(next->body == "fine");
}

TEST_CASE("an error names method and path, and hides the query", "[http]")
{
    RawHttpServer server{broken_once("")};
    auto client = client_of(server);
    const auto response = client.send(request_of("POST"), {});
    REQUIRE_FALSE(response);
    CHECK(response.error().message().starts_with("POST " + server.url() + "/path: "));
    CHECK(response.error().message().find("hidden") == std::string::npos);
}

TEST_CASE("a port where nobody listens is unreachable", "[http]")
{
    std::string url;
    {
        RawHttpServer server{[](RawHttpServer::Connection&) {}};
        url = server.url();
    }
    auto client = HttpClient::create({.base_url = url});
    REQUIRE(client);
    const auto response = client->send(request_of("GET"), {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::unreachable);
}

TEST_CASE("a Unix socket that is missing, or that nobody listens on, is told apart", "[http]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "s";
    auto client = HttpClient::create({.base_url = "http://localhost", .unix_socket = path.string()});
    REQUIRE(client);
    const auto missing = client->send(request_of("GET"), {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == Errc::not_found);
    CHECK(missing.error().message().find(path.string()) != std::string::npos);
    {
        RawHttpServer server{path, [](RawHttpServer::Connection&) {}};
    }
    const auto dead = client->send(request_of("GET"), {});
    REQUIRE_FALSE(dead);
    CHECK(dead.error().code() == Errc::unreachable);
}

TEST_CASE("a server that never answers times out at the deadline", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) { peer.wait_for_close(); }};
    auto client = client_of(server);
    auto request = request_of("GET");
    request.timeout = 150ms;
    const auto start = Steady::now();
    const auto response = client.send(request, {});
    const auto took = Steady::now() - start;
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::timed_out);
    CHECK(took >= 150ms);
    CHECK(took < 5s);
}

TEST_CASE("a response that stalls times out long before the deadline", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.wait_for_close();
    }};
    auto client = client_of(server);
    auto request = request_of("GET");
    request.stall_timeout = 100ms;
    const auto start = Steady::now();
    const auto response = client.send(request, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::timed_out);
    CHECK(response.error().message().find("no byte moved for 100 ms") != std::string::npos);
    CHECK(Steady::now() - start < 10s);
}

TEST_CASE("a stop ends a request that hangs", "[http]")
{
    std::stop_source stop;
    std::promise<Steady::time_point> stopped;
    RawHttpServer server{[&](RawHttpServer::Connection& peer) {
        peer.read_request();
        stopped.set_value(Steady::now());
        stop.request_stop();
        peer.wait_for_close();
    }};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET"), stop.get_token());
    const auto now = Steady::now();
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::cancelled);
    CHECK(now - stopped.get_future().get() < 2s);
}

TEST_CASE("a stop that was requested before sends nothing", "[http]")
{
    std::stop_source stop;
    stop.request_stop();
    RawHttpServer server{[](RawHttpServer::Connection&) {}};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET"), stop.get_token());
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::cancelled);
    CHECK(server.connections() == 0);
}

TEST_CASE("floods of headers are cut off", "[http]")
{
    const std::string flood = GENERATE(
        as<std::string>{}, "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", "one header without an end");
    RawHttpServer server{[&flood](RawHttpServer::Connection& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\n");
        std::string block;
        while (block.size() < 64 * 1024)
            block += flood;
        for (int i = 0; i < 1000 && peer.send(block); ++i) { }
    }};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET"), {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::exhausted);
}

TEST_CASE("a flood of interim responses is cut off", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        peer.read_request();
        while (peer.send("HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n")) { }
    }};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET"), {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::exhausted);
}

TEST_CASE("a body over the cap is cut off, streamed or not", "[http]")
{
    const bool streamed = GENERATE(true, false);
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (peer.send("A\r\n0123456789\r\n")) { }
    }};
    auto client = client_of(server);
    auto request = request_of("GET");
    request.max_response_bytes = 100'000;
    std::size_t received = 0;
    if (streamed) {
        request.on_data = [&received](std::string_view bytes) -> Result<void> {
            received += bytes.size();
            return {};
        };
    }
    const auto response = client.send(request, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::exhausted);
    CHECK(received <= 100'000);
}

TEST_CASE("the failure of a callback ends the request, drops the connection and is returned", "[http]")
{
    const bool in_headers = GENERATE(true, false);
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        while (peer.read_request())
            peer.send(http_response(200, "0123456789"));
    }};
    auto client = client_of(server);
    auto request = request_of("GET");
    const auto fail = []() -> Result<void> { return Error{Errc::conflict, "disk says no"}; };
    if (in_headers)
        request.on_headers = [fail](const ClientResponse&) { return fail(); };
    else
        request.on_data = [fail](std::string_view) { return fail(); };
    const auto response = client.send(request, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::conflict);
    const auto next = client.send(request_of("GET"), {});
    REQUIRE(next);
    CHECK(next->body == "0123456789");
    CHECK(server.connections() == 2);
}

TEST_CASE("a request on a kept connection that dies is repeated unless it is a POST", "[http]")
{
    const auto [method, repeated] = GENERATE(table<std::string, bool>({{"PUT", true}, {"POST", false}}));
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        peer.read_request();
        peer.send(http_response(200, "first"));
        if (!peer.read_request() || peer.number() == 0)
            return;
        peer.send(http_response(200, "repeated"));
    }};
    auto client = client_of(server);
    REQUIRE(client.send(request_of("GET"), {}));
    auto request = request_of(method);
    request.body = std::string{"content"};
    const auto response = client.send(request, {});
    if (repeated) {
        REQUIRE(response);
        CHECK(server.requests().size() == 3);
        CHECK(server.requests().at(2).ends_with("\r\n\r\ncontent"));
    } else {
        REQUIRE_FALSE(response);
        CHECK(response.error().code() == Errc::unreachable);
        CHECK(server.requests().size() == 2);
    }
}

} // namespace slipway::http
