#include "common/file.h"
#include "docker-client/engine.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

namespace slipway::docker {

namespace {

/// What `connect` makes of an engine that answers with `response`.
Result<Engine> connect_to(const std::string& response)
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    test::RawHttpServer engine{path, [&response](test::RawHttpServer::Connection& peer) {
                                   while (peer.read_request())
                                       peer.send(response);
                               }};
    const auto endpoint = SLIPWAY_TRY(Endpoint::parse("unix://" + path.string()));
    return connect(endpoint, {});
}

} // namespace

TEST_CASE("DOCKER_HOST names a Unix socket, or nothing for the default one", "[docker]")
{
    CHECK(Endpoint::parse("")->socket_path() == "/var/run/docker.sock");
    CHECK(
        Endpoint::parse("unix:///run/user/1000/docker.sock")->socket_path() == "/run/user/1000/docker.sock");
    CHECK(Endpoint::parse("unix:///a")->text() == "unix:///a");
}

TEST_CASE("other kinds of DOCKER_HOST are refused by name", "[docker]")
{
    const std::string text
        = GENERATE(as<std::string>{}, "tcp://", "tcp://a b", "tcp://host:0", "tcp://host/path", "ssh://host",
            "/var/run/docker.sock", "unix://", "unix://relative", "npipe:////./pipe/docker_engine");
    const auto endpoint = Endpoint::parse(text);
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code() == Errc::invalid_input);
    CHECK(endpoint.error().message().find("DOCKER_HOST") != std::string::npos);
}

TEST_CASE("DOCKER_HOST may name a host, whose port is Docker's unless it is given", "[docker]")
{
    const auto url = [](const char* text) { return Endpoint::parse(text)->client_options().base_url; };
    CHECK(url("tcp://10.0.0.1") == "http://10.0.0.1:2375");
    CHECK(url("tcp://docker:1234/") == "http://docker:1234");
    CHECK(url("tcp://[::1]") == "http://[::1]:2375");
    CHECK(url("tcp://[::1]:99") == "http://[::1]:99");
    CHECK(Endpoint::parse("tcp://docker")->socket_path().empty());
    CHECK(Endpoint::parse("tcp://docker")->client_options().direct);
    CHECK(Endpoint::parse("unix:///a")->client_options().unix_socket == "/a");
}

TEST_CASE("for TLS the files of the docker command are read, each missing one named", "[docker]")
{
    const test::TempDir directory;
    const auto endpoint = Endpoint::parse("tcp://docker");
    const auto message = [&] {
        const auto made = endpoint->with_tls(directory.path());
        REQUIRE_FALSE(made);
        return made.error().message();
    };
    CHECK(message().find("ca.pem") != std::string::npos);
    REQUIRE(replace_file(directory.path() / "ca.pem", "authority"));
    const auto alone = endpoint->with_tls(directory.path());
    REQUIRE(alone);
    CHECK(alone->is_tls());
    CHECK(alone->client_options().base_url == "https://docker:2376");
    CHECK(alone->client_options().tls->ca_pem == "authority");
    REQUIRE(replace_file(directory.path() / "cert.pem", "certificate"));
    CHECK(message().find("key.pem does not exist") != std::string::npos);
    REQUIRE(replace_file(directory.path() / "key.pem", "key"));
    const auto both = endpoint->with_tls(directory.path());
    REQUIRE(both);
    CHECK(both->client_options().tls->client_certificate_pem == "certificate");
    CHECK(both->client_options().tls->client_key.equals("key"));
    CHECK_FALSE(Endpoint::parse("unix:///a")->with_tls(directory.path()));
}

TEST_CASE("API versions are compared as numbers", "[docker]")
{
    CHECK(*ApiVersion::parse("1.41") < *ApiVersion::parse("1.100"));
    CHECK(*ApiVersion::parse("2.0") > *ApiVersion::parse("1.51"));
    for (const char* text : {"", "1", "1.", ".1", "a.b", "1.41x", "-1.4", "1.-4", "1.99999999999999"})
        CHECK_FALSE(ApiVersion::parse(text));
}

TEST_CASE("the lower of both API versions is spoken", "[docker]")
{
    CHECK(connect_to(test::http_response(200, "OK", "Api-Version: 1.41\r\n"))->api == ApiVersion{1, 41});
    CHECK(connect_to(test::http_response(200, "OK", "API-VERSION: 1.45\r\n"))->api == ApiVersion{1, 45});
    CHECK(connect_to(test::http_response(200, "OK", "Api-Version: 1.99\r\n"))->api == kNewestApi);
    CHECK(connect_to(test::http_response(200, "OK", "Api-Version: 1.41\r\n"))->name.empty());
    CHECK(
        connect_to(test::http_response(200, "OK", "Api-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n"))
            ->name
        == "Docker/20.10.24 (linux)");
}

TEST_CASE("an engine that is too old is refused with both versions", "[docker]")
{
    const auto engine = connect_to(test::http_response(200, "OK", "Api-Version: 1.24\r\n"));
    REQUIRE_FALSE(engine);
    CHECK(engine.error().code() == Errc::invalid_input);
    CHECK(engine.error().message().find("too old") != std::string::npos);
    CHECK(engine.error().message().find("1.24") != std::string::npos);
    CHECK(engine.error().message().find("1.41") != std::string::npos);
}

TEST_CASE("a server that is no Docker engine is refused", "[docker]")
{
    const std::string response = GENERATE(as<std::string>{}, test::http_response(200, "hello"),
        test::http_response(404, "", "Api-Version: 1.41\r\n"),
        test::http_response(200, "", "Api-Version: new\r\n"));
    const auto engine = connect_to(response);
    REQUIRE_FALSE(engine);
    CHECK(engine.error().code() == Errc::invalid_input);
}

TEST_CASE("an engine that refuses says so in its own words", "[docker]")
{
    const auto denied = connect_to(
        test::http_response(403, R"({"message":"authorization denied by plugin"})", "Api-Version: 1.41\r\n"));
    REQUIRE_FALSE(denied);
    CHECK(denied.error().code() == Errc::invalid_input);
    CHECK(denied.error().message().ends_with(" answers 403: authorization denied by plugin"));
    const auto broken = connect_to(test::http_response(500, ""));
    REQUIRE_FALSE(broken);
    CHECK(broken.error().code() == Errc::unreachable);
    CHECK(broken.error().message().ends_with(" answers 500"));
}

TEST_CASE("an engine whose socket is missing is not found", "[docker]")
{
    const test::TempDir directory;
    const auto endpoint = Endpoint::parse("unix://" + (directory.path() / "none").string());
    REQUIRE(endpoint);
    const auto engine = connect(*endpoint, {});
    REQUIRE_FALSE(engine);
    CHECK(engine.error().code() == Errc::not_found);
}

} // namespace slipway::docker
