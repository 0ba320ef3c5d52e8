#include "common/file.h"
#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

using namespace slipway;
using namespace slipway::test;
using http::Reply;
using http::Request;

TEST_CASE("A request is answered with its body, length and date, and the connection goes on")
{
    RunningServer server{small_router()};
    RawClient client{server.port()};
    for (int i = 0; i < 3; ++i) {
        client.send(post("/echo", "hello"));
        const auto reply = client.reply();
        CHECK(reply.status == 200);
        CHECK(reply.body == "hello");
        CHECK(reply.head.find("\r\nDate: ") != std::string::npos);
        CHECK(reply.head.find("Connection: close") == std::string::npos);
    }
    CHECK(server.stats().connections == 1);
    CHECK(server.stats().requests == 3);
}

TEST_CASE("A handler sees method, path, query, parameters, headers and the peer's address")
{
    http::Router router;
    router.add("PATCH", "/runs/{id}", [](const Request& request) {
        std::string seen = request.method + " " + request.path + " " + std::string{request.parameter("id")};
        seen.append(" ").append(*request.query_value("q")).append(" ").append(*request.header("x-y"));
        return Reply::text(
            200, seen + " " + request.peer.address + (request.peer.certificate_der ? " cert" : ""));
    });
    RunningServer server{std::move(router)};
    RawClient client{server.port()};
    client.send("PATCH /runs/%41?q=1+2 HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n\r\n");
    CHECK(client.reply().body == "PATCH /runs/A A 1 2 z 127.0.0.1");
}

TEST_CASE("Pipelined requests are all answered, in their order")
{
    RunningServer server{small_router()};
    RawClient client{server.port()};
    client.send(post("/echo", "1") + get("/nothing") + post("/echo", "3"));
    CHECK(client.reply().body == "1");
    CHECK(client.reply().status == 404);
    CHECK(client.reply().body == "3");
}

TEST_CASE("Unknown paths and methods are problems and leave the connection usable")
{
    RunningServer server{small_router()};
    RawClient client{server.port()};
    client.send(get("/nothing"));
    const auto missing = client.reply();
    CHECK(missing.status == 404);
    CHECK(missing.head.find("Content-Type: application/problem+json\r\n") != std::string::npos);
    client.send("DELETE /ok HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto wrong = client.reply();
    CHECK(wrong.status == 405);
    CHECK(wrong.head.find("Allow: GET, HEAD\r\n") != std::string::npos);
    client.send(get("/ok"));
    CHECK(client.reply().body == "ok");
}

TEST_CASE("A handler that throws or fails costs its request a 500, a line in the log and nothing else")
{
    http::Router router = small_router();
    router.add("GET", "/fails", [](const Request&) -> Result<Reply> {
        return Error{Errc::conflict, "twice"};
    });
    RunningServer server{std::move(router)};
    RawClient client{server.port()};
    client.send(get("/throw"));
    CHECK(client.reply().status == 500);
    CHECK(server.log().find("a bug") != std::string::npos);
    client.send(get("/fails"));
    CHECK(client.reply().status == 409);
    client.send(get("/ok"));
    CHECK(client.reply().status == 200);
}

TEST_CASE("HEAD gets the headers of GET and no body")
{
    RunningServer server{small_router()};
    RawClient client{server.port()};
    client.send("HEAD /ok HTTP/1.1\r\nHost: h\r\n\r\n" + get("/ok"));
    const auto head = client.reply(true);
    CHECK(head.status == 200);
    CHECK(head.head.find("Content-Length: 2\r\n") != std::string::npos);
    CHECK(client.reply().body == "ok");
}

TEST_CASE("Connection: close and HTTP/1.0 are answered and closed")
{
    RunningServer server{small_router()};
    RawClient closing{server.port()};
    closing.send(get("/ok", "Connection: close\r\n"));
    CHECK(closing.rest().ends_with("Connection: close\r\n\r\nok"));
    RawClient old{server.port()};
    old.send("GET /ok HTTP/1.0\r\n\r\n");
    CHECK(old.rest().ends_with("\r\n\r\nok"));
}

TEST_CASE("Who expects 100-continue gets it before the body, and other expectations are refused")
{
    RunningServer server{small_router()};
    RawClient client{server.port()};
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(client.reply().status == 100);
    client.send("hi");
    CHECK(client.reply().body == "hi");
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n");
    CHECK(client.reply().status == 413);
    RawClient other{server.port()};
    other.send(get("/ok", "Expect: a miracle\r\n"));
    CHECK(other.reply().status == 417);
}

TEST_CASE("A file is sent from its offset for its length")
{
    const TempDir directory;
    std::string content;
    for (int i = 0; i < 50'000; ++i)
        content += std::to_string(i) + "\n";
    REQUIRE(replace_file(directory.path() / "f", content));
    http::Router router;
    router.add("GET", "/file", [&](const Request&) -> Result<Reply> {
        auto file = SLIPWAY_TRY(open_file(directory.path() / "f", O_RDONLY));
        return Reply::file(200, "text/plain", {std::move(file), 10, content.size() - 20});
    });
    router.add("GET", "/short", [&](const Request&) -> Result<Reply> {
        auto file = SLIPWAY_TRY(open_file(directory.path() / "f", O_RDONLY));
        return Reply::file(200, "text/plain", {std::move(file), 0, content.size() + 1});
    });
    RunningServer server{std::move(router)};
    RawClient client{server.port()};
    client.send(get("/file") + "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n" + get("/short"));
    const auto whole = client.reply();
    CHECK(whole.body == content.substr(10, content.size() - 20));
    CHECK(client.reply(true).status == 200);
    // A file that is shorter than promised must not look complete.
    CHECK(client.reply().status == 0);
}

TEST_CASE("A large reply reaches a slow reader whole")
{
    const std::string large(8 * 1024 * 1024, 'x');
    http::Router router;
    router.add("GET", "/large", [&](const Request&) { return Reply::text(200, large); });
    RunningServer server{std::move(router)};
    RawClient client{server.port(), 4096};
    client.send(get("/large"));
    CHECK(client.reply().body == large);
}

TEST_CASE("Query values and credentials do not reach the log")
{
    RunningServer server{small_router()};
    RawClient client{server.port()};
    client.send(get("/ok?token=hidden1", "Authorization: Bearer hidden2\r\n"));
    CHECK(client.reply().status == 200);
    client.send(get("/nothing%?hidden3", "Authorization: hidden4\r\n"));
    CHECK(client.reply().status == 400);
    CHECK(server.log().find("/ok") != std::string::npos);
    CHECK(server.log().find("hidden") == std::string::npos);
}

TEST_CASE("A server does not start with a wrong address, a taken port or a wrong certificate")
{
    SystemClock clock;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    http::Topics topics;
    const auto failure = [&](http::ServerOptions options) {
        return http::Server::listen(std::move(options), {}, topics, Logger{sink}).error().code();
    };
    CHECK(failure({.address = "localhost", .tls = {}}) == Errc::invalid_input);
    const RunningServer server{small_router()};
    CHECK(failure({.port = server.port(), .tls = {}}) == Errc::conflict);
    CHECK(failure({.tls = http::ServerTls{"nonsense", Secret{"nonsense"}, {}}}) == Errc::invalid_input);
}

TEST_CASE("A server on all addresses answers IPv4, with the peer's address as IPv4 shows it")
{
    http::Router router;
    router.add("GET", "/who", [](const Request& request) { return Reply::text(200, request.peer.address); });
    http::ServerOptions options;
    options.address = "::";
    RunningServer server{std::move(router), options};
    RawClient client{server.port()};
    client.send(get("/who"));
    CHECK(client.reply().body == "127.0.0.1");
}

TEST_CASE("The owner has the last word on every reply, refusals before a handler included")
{
    http::ServerOptions options;
    options.on_reply = [](const Request& request, Reply& reply) {
        reply.headers.emplace_back("X-Seen", request.method + std::to_string(reply.status));
    };
    RunningServer server{small_router(), options};
    const auto seen = [&](std::string_view bytes) {
        RawClient client{server.port()};
        client.send(bytes);
        const auto head = client.reply().head;
        const auto at = head.find("X-Seen: ");
        return at == std::string::npos ? std::string{} : head.substr(at + 8, head.find('\r', at) - at - 8);
    };
    CHECK(seen(get("/ok")) == "GET200");
    CHECK(seen(get("/nowhere")) == "GET404");
    CHECK(seen(get("/throw")) == "GET500");
    CHECK(seen(post("/ok", "")) == "POST405");
    CHECK(seen("nonsense\r\n\r\n") == "400");
}
