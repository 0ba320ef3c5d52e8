#include "common/file.h"
#include "common/http/http_client.h"
#include "test/support/raw_http_server.h"
#include "test/unit/http-client/test_ca.h"

#include <catch2/catch.hpp>

namespace slipway::http {

using namespace std::chrono_literals;
using test::http_response;
using test::RawHttpServer;
using test::TestCa;

namespace {

std::string text_of(const std::filesystem::path& path)
{
    auto text = read_file(path, 100'000);
    REQUIRE(text);
    return *std::move(text);
}

/// Answers with the name in the client's certificate.
void answer_with_name(RawHttpServer::Connection& peer)
{
    while (peer.read_request())
        peer.send(http_response(200, peer.peer_name()));
}

Result<ClientResponse> get(const std::string& url, TlsOptions tls)
{
    auto client = SLIPWAY_TRY(HttpClient::create({.base_url = url, .tls = std::move(tls)}));
    ClientRequest request;
    request.url = "/";
    request.timeout = 20s;
    return client.send(request, {});
}

} // namespace

TEST_CASE("a server with a certificate of the given CA is trusted", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    RawHttpServer server{{server_files.certificate, server_files.key, ""}, answer_with_name};
    const auto response = get(server.url(), {.ca_pem = text_of(ca.certificate())});
    REQUIRE(response);
    CHECK(response->status == 200);
}

TEST_CASE("a server with a certificate of another CA is rejected with the reason", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    RawHttpServer server{{server_files.certificate, server_files.key, ""}, answer_with_name};
    const TestCa other;
    const auto response = get(server.url(), {.ca_pem = text_of(other.certificate())});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::rejected);
    CHECK(response.error().message().find("certificate") != std::string::npos);
    CHECK(server.requests().empty());
}

TEST_CASE("a server unknown to the system's trust store is rejected", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    RawHttpServer server{{server_files.certificate, server_files.key, ""}, answer_with_name};
    const auto response = get(server.url(), {});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::rejected);
}

TEST_CASE("a certificate for another host name is rejected", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("elsewhere.example");
    RawHttpServer server{{server_files.certificate, server_files.key, ""}, answer_with_name};
    const auto response = get(server.url(), {.ca_pem = text_of(ca.certificate())});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::rejected);
    CHECK(server.requests().empty());
}

TEST_CASE("a client shows its certificate", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    const auto client_files = ca.issue("pool-7");
    RawHttpServer server{{server_files.certificate, server_files.key, ca.certificate()}, answer_with_name};
    const auto response = get(server.url(),
        {.ca_pem = text_of(ca.certificate()),
            .client_certificate_pem = text_of(client_files.certificate),
            .client_key = Secret{text_of(client_files.key)}});
    REQUIRE(response);
    CHECK(response->body == "pool-7");
}

TEST_CASE("a client without the certificate that the server wants is rejected", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    RawHttpServer server{{server_files.certificate, server_files.key, ca.certificate()}, answer_with_name};
    const auto response = get(server.url(), {.ca_pem = text_of(ca.certificate())});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::rejected);
}

TEST_CASE("a client certificate or CA that cannot be read is invalid input", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    RawHttpServer server{{server_files.certificate, server_files.key, ""}, answer_with_name};
    TlsOptions tls{.ca_pem = text_of(ca.certificate())};
    SECTION("a CA that is no certificate") { tls.ca_pem = "not PEM"; }
    SECTION("a key of another certificate")
    {
        tls.client_certificate_pem = text_of(ca.issue("a").certificate);
        tls.client_key = Secret{text_of(ca.issue("b").key)};
    }
    const auto response = get(server.url(), std::move(tls));
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::invalid_input);
}

TEST_CASE("a server without TLS is unreachable for https", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) { peer.send(http_response(400, "")); }};
    const auto response = get("https://127.0.0.1:" + std::to_string(server.port()), TlsOptions{});
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::unreachable);
}

TEST_CASE("a small body comes in one record with its headers, and with no type that nobody gave", "[http]")
{
    const TestCa ca;
    const auto server_files = ca.issue("localhost");
    std::string first;
    RawHttpServer server{
        {server_files.certificate, server_files.key, ""}, [&](RawHttpServer::Connection& peer) {
            first = peer.read_once();
            peer.send(http_response(200, ""));
        }};
    auto client = HttpClient::create(
        {.base_url = server.url(), .tls = TlsOptions{.ca_pem = text_of(ca.certificate())}});
    REQUIRE(client);
    ClientRequest request;
    request.method = GENERATE("POST", "PUT");
    request.url = "/stage";
    request.body = std::string{"{\"fence\":1}"};
    request.timeout = 20s;
    const auto response = client->send(request, {});
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(first.starts_with(request.method + " /stage HTTP/1.1\r\n"));
    CHECK(first.find("\r\nContent-Length: 11\r\n") != std::string::npos);
    CHECK(first.find("Content-Type") == std::string::npos);
    CHECK(first.find("Expect") == std::string::npos);
    CHECK(first.ends_with("\r\n\r\n{\"fence\":1}"));
}

} // namespace slipway::http
