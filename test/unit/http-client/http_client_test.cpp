#include "common/file.h"
#include "common/http/http_client.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

namespace slipway::http {

using namespace std::chrono_literals;
using test::http_response;
using test::RawHttpServer;

namespace {

HttpClient client_of(const RawHttpServer& server)
{
    auto client = HttpClient::create({.base_url = server.url()});
    REQUIRE(client);
    return *std::move(client);
}

ClientRequest request_of(const std::string& method, const std::string& url)
{
    ClientRequest request;
    request.method = method;
    request.url = url;
    request.timeout = 20s;
    return request;
}

RawHttpServer::Script always(const std::string& response)
{
    return [response](RawHttpServer::Connection& peer) {
        while (peer.read_request())
            peer.send(response);
    };
}

} // namespace

TEST_CASE("a request goes out as written and its response comes back", "[http]")
{
    RawHttpServer server{
        always("HTTP/1.1 404 Nope\r\nX-One: 1\r\nx-TWO:  two \r\nContent-Length: 4\r\n\r\ngone")};
    auto client = client_of(server);
    auto request = request_of("DELETE", "/a%20b?c=d");
    request.headers = {{"X-Test", "value"}, {"X-Empty", ""}};
    const auto response = client.send(request, {});
    REQUIRE(response);
    CHECK(response->status == 404);
    CHECK(response->body == "gone");
    CHECK(response->header("x-one") == "1");
    CHECK(response->header("X-Two") == "two");
    CHECK_FALSE(response->header("X-Three"));
    const std::string sent = server.requests().at(0);
    CHECK(sent.starts_with("DELETE /a%20b?c=d HTTP/1.1\r\n"));
    CHECK(sent.find("\r\nX-Test: value\r\n") != std::string::npos);
    CHECK(sent.find("\r\nX-Empty:\r\n") != std::string::npos);
    CHECK(sent.find("\r\nUser-Agent: slipway\r\n") != std::string::npos);
}

TEST_CASE("a chunked response is put together and its trailers are no headers", "[http]")
{
    RawHttpServer server{always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n")};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET", "/"), {});
    REQUIRE(response);
    CHECK(response->body == "hello world");
    CHECK_FALSE(response->header("X-Trailer"));
}

TEST_CASE("interim responses are passed over", "[http]")
{
    RawHttpServer server{
        always("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" + http_response(200, "real"))};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET", "/"), {});
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(response->body == "real");
    CHECK_FALSE(response->header("X-Early"));
}

TEST_CASE("hundreds of requests share one connection", "[http]")
{
    RawHttpServer server{always(http_response(200, "ok"))};
    auto client = client_of(server);
    for (int i = 0; i < 300; ++i) {
        auto request = request_of(i % 2 == 0 ? "GET" : "POST", "/" + std::to_string(i));
        if (i % 2 == 1)
            request.body = "body " + std::to_string(i);
        const auto response = client.send(request, {});
        REQUIRE(response);
        REQUIRE(response->body == "ok");
    }
    CHECK(server.connections() == 1);
    CHECK(server.requests().at(299).ends_with("\r\n\r\nbody 299"));
}

TEST_CASE("a redirect is a response like any other", "[http]")
{
    RawHttpServer server{always(http_response(302, "", "Location: http://127.0.0.1:1/\r\n"))};
    auto client = client_of(server);
    const auto response = client.send(request_of("GET", "/"), {});
    REQUIRE(response);
    CHECK(response->status == 302);
}

TEST_CASE("a POST without a body says so", "[http]")
{
    RawHttpServer server{always(http_response(204, ""))};
    auto client = client_of(server);
    REQUIRE(client.send(request_of("POST", "/"), {}));
    CHECK(server.requests().at(0).find("\r\nContent-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("the answer to a HEAD has no body", "[http]")
{
    RawHttpServer server{always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")};
    auto client = client_of(server);
    const auto response = client.send(request_of("HEAD", "/"), {});
    REQUIRE(response);
    CHECK(response->header("Content-Length") == "5");
    CHECK(response->body.empty());
}

TEST_CASE("a part of a file is sent from its place without moving the file's position", "[http]")
{
    RawHttpServer server{always(http_response(200, ""))};
    auto client = client_of(server);
    const test::TempDir directory;
    REQUIRE(replace_file(directory.path() / "f", "0123456789"));
    const auto fd = open_file(directory.path() / "f", O_RDONLY);
    REQUIRE(fd);
    auto request = request_of("PUT", "/");
    request.body = ClientRequest::File{fd->get(), 2, 5};
    REQUIRE(client.send(request, {}));
    CHECK(server.requests().at(0).ends_with("\r\n\r\n23456"));
    CHECK(::lseek(fd->get(), 0, SEEK_CUR) == 0);
}

TEST_CASE("a file shorter than announced fails the request", "[http]")
{
    RawHttpServer server{always(http_response(200, ""))};
    auto client = client_of(server);
    const test::TempDir directory;
    REQUIRE(replace_file(directory.path() / "f", "0123"));
    const auto fd = open_file(directory.path() / "f", O_RDONLY);
    REQUIRE(fd);
    auto request = request_of("PUT", "/");
    request.body = ClientRequest::File{fd->get(), 0, 5};
    const auto response = client.send(request, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::invalid_input);
}

TEST_CASE("a body of unknown length is sent in chunks", "[http]")
{
    RawHttpServer server{always(http_response(200, ""))};
    auto client = client_of(server);
    auto request = request_of("POST", "/");
    int calls = 0;
    request.body = ClientRequest::Reader{
        [&calls](std::span<char> buffer) -> Result<std::size_t> {
            return ++calls > 2 ? 0 : std::string{"abc"}.copy(buffer.data(), buffer.size());
        },
        {}};
    REQUIRE(client.send(request, {}));
    CHECK(server.requests().at(0).ends_with("3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"));
}

TEST_CASE("the error of a body's reader is the error of the request", "[http]")
{
    RawHttpServer server{always(http_response(200, ""))};
    auto client = client_of(server);
    auto request = request_of("POST", "/");
    request.body = ClientRequest::Reader{[](std::span<char>) -> Result<std::size_t> {
                                             return Error{Errc::conflict, "the spool is gone"};
                                         },
        10};
    const auto response = client.send(request, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::conflict);
    CHECK(response.error().message().find("the spool is gone") != std::string::npos);
}

TEST_CASE("a streamed response arrives after its headers and leaves no body behind", "[http]")
{
    const std::string body(1'000'000, 'x');
    RawHttpServer server{always(http_response(200, body))};
    auto client = client_of(server);
    auto request = request_of("GET", "/");
    std::string events;
    std::size_t received = 0;
    request.on_headers = [&](const ClientResponse& head) -> Result<void> {
        events += std::to_string(head.status) + ' '
            + std::string{head.header("Content-Length").value_or("none")};
        return {};
    };
    request.on_data = [&](std::string_view bytes) -> Result<void> {
        if (received == 0)
            events += " data";
        received += bytes.size();
        return {};
    };
    const auto response = client.send(request, {});
    REQUIRE(response);
    CHECK(events == "200 1000000 data");
    CHECK(received == body.size());
    CHECK(response->body.empty());
}

TEST_CASE("the explanation of an error is kept from a stream's callback", "[http]")
{
    RawHttpServer server{always(http_response(404, "no such stream"))};
    auto client = client_of(server);
    auto request = request_of("GET", "/");
    bool called = false;
    request.on_data = [&called](std::string_view) -> Result<void> {
        called = true;
        return {};
    };
    const auto response = client.send(request, {});
    REQUIRE(response);
    CHECK(response->body == "no such stream");
    CHECK_FALSE(called);
}

TEST_CASE("a client works over a Unix socket", "[http]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "s";
    RawHttpServer server{path, always(http_response(200, "over the socket"))};
    auto client = HttpClient::create({.base_url = "http://localhost", .unix_socket = path.string()});
    REQUIRE(client);
    const auto response = client->send(request_of("GET", "/x"), {});
    REQUIRE(response);
    CHECK(response->body == "over the socket");
    CHECK(server.requests().at(0).find("\r\nHost: localhost\r\n") != std::string::npos);
}

TEST_CASE("a request that cannot be written is refused before anything is sent", "[http]")
{
    RawHttpServer server{always(http_response(200, ""))};
    auto client = client_of(server);
    auto request = request_of("GET", "/");
    SECTION("no timeout") { request.timeout = 0s; }
    SECTION("a method with a space") { request.method = "GET /x HTTP/1.1\r\nA:"; }
    SECTION("a header name with a colon") { request.headers = {{"A: b", "c"}}; }
    SECTION("a header value with a line break") { request.headers = {{"A", "b\r\nC: d"}}; }
    SECTION("a path with a line break") { request.url = "/ HTTP/1.1\r\nA: b"; }
    SECTION("a URL of another protocol") { request.url = "file:///etc/passwd"; }
    SECTION("https without TLS options") { request.url = "https://localhost/"; }
    const auto response = client.send(request, {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::invalid_input);
    CHECK(server.connections() == 0);
}

TEST_CASE("options that cannot work are refused", "[http]")
{
    ClientOptions options{.base_url = "https://h"};
    SECTION("a base URL with a path") { options.base_url = "https://h/api"; }
    SECTION("no base URL") { options.base_url = ""; }
    SECTION("a certificate without its key") { options.tls = TlsOptions{.client_certificate_pem = "x"}; }
    SECTION("a socket path too long for the system") { options.unix_socket = "/" + std::string(120, 'x'); }
    const auto client = HttpClient::create(std::move(options));
    REQUIRE_FALSE(client);
    CHECK(client.error().code() == Errc::invalid_input);
}

} // namespace slipway::http
