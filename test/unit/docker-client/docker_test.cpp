#include "docker-client/docker.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

namespace slipway::docker {

using namespace std::chrono_literals;

TEST_CASE("a pull shows its progress, sends its credentials, and gives up when it stalls", "[docker]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    test::RawHttpServer registry{path, [](test::RawHttpServer::Connection& peer) {
                                     peer.read_request();
                                     peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                                     peer.send(
                                         "29\r\n{\"status\":\"Pulling fs layer\",\"id\":\"abc\"}\n\r\n");
                                     peer.wait_for_close();
                                 }};
    auto docker = Docker::open({*Endpoint::parse("unix://" + path.string()), kOldestApi});
    REQUIRE(docker);
    PullSpec spec;
    spec.image = "r.example/a:1";
    spec.auth = Secret{"{\"p\":\"???\"}"};
    spec.stall_timeout = 100ms;
    std::string seen;
    const auto pulled = docker->pull_image(spec,
        [&seen](const PullProgress& line) -> Result<void> {
            seen += line.id + ": " + line.status;
            return {};
        },
        {});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code() == Errc::timed_out);
    CHECK(seen == "abc: Pulling fs layer");
    const std::string request = registry.requests().at(0);
    CHECK(request.starts_with("POST /v1.41/images/create?fromImage=r.example%2Fa&tag=1 HTTP/1.1\r\n"));
    CHECK(request.find("\r\nX-Registry-Auth: eyJwIjoiPz8_In0=\r\n") != std::string::npos);
}

TEST_CASE(
    "a registry is asked for a digest with its login, and its refusal is told from a failure", "[docker]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    const std::vector<std::pair<int, std::string>> answers{
        {200, R"({"Descriptor":{"digest":"sha256:aa","size":1},"Platforms":[]})"},
        {200, R"({"Descriptor":{"digest":"no digest"}})"}, {401, R"({"message":"unauthorized"})"},
        {404, R"({"message":"manifest unknown"})"}, {500, R"({"message":"dial tcp: refused"})"}};
    test::RawHttpServer engine{path, [&answers](test::RawHttpServer::Connection& peer) {
                                   for (const auto& [status, body] : answers)
                                       if (peer.read_request())
                                           peer.send(test::http_response(status, body));
                               }};
    auto docker = Docker::open({*Endpoint::parse("unix://" + path.string()), kOldestApi});
    REQUIRE(docker);
    const auto ask = [&docker] {
        return docker->ask_registry(
            {.image = "r.example:5000/a/b:1", .auth = Secret{"{\"p\":\"???\"}"}, .timeout = 20s}, {});
    };
    const auto digest = ask();
    REQUIRE(digest);
    CHECK(*digest == "sha256:aa");
    const std::string request = engine.requests().at(0);
    CHECK(request.starts_with("GET /v1.41/distribution/r.example%3A5000/a/b%3A1/json HTTP/1.1\r\n"));
    CHECK(request.find("\r\nX-Registry-Auth: eyJwIjoiPz8_In0=\r\n") != std::string::npos);
    CHECK(ask().error().code() == Errc::invalid_input);
    CHECK(ask().error().code() == Errc::rejected);
    CHECK(ask().error().code() == Errc::not_found);
    CHECK(ask().error().code() == Errc::internal);
}

TEST_CASE("an attach that breaks off within a frame is no end of the output", "[docker]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    test::RawHttpServer engine{
        path, [](test::RawHttpServer::Connection& peer) {
            peer.read_request();
            peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
            peer.send(std::string_view{"\1\0\0\0\0\0\0\5abc", 11});
        }};
    auto docker = Docker::open({*Endpoint::parse("unix://" + path.string()), kOldestApi});
    REQUIRE(docker);
    std::string seen;
    AttachSpec spec{.timeout = 20s,
        .on_attached = {},
        .on_output = [&seen](Stream, std::string_view bytes) -> Result<void> {
            seen += bytes;
            return {};
        }};
    const auto attached = docker->attach("c", spec, {});
    REQUIRE_FALSE(attached);
    CHECK(attached.error().code() == Errc::unreachable);
    CHECK(seen == "abc");
}

TEST_CASE("a socket that is missing is an engine that is away, not a container that is gone", "[docker]")
{
    const test::TempDir directory;
    const auto endpoint = Endpoint::parse("unix://" + (directory.path() / "none").string());
    auto docker = Docker::open({*endpoint, kOldestApi});
    REQUIRE(docker);
    const auto inspected = docker->inspect_container("c", {});
    REQUIRE_FALSE(inspected);
    CHECK(inspected.error().code() == Errc::unreachable);
    const auto pulled = docker->pull_image({.image = "a:1"}, {}, {});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code() == Errc::unreachable);
}

TEST_CASE("what the engine says in the middle of an answer keeps its code", "[docker]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    test::RawHttpServer engine{path, [](test::RawHttpServer::Connection& peer) {
                                   while (peer.read_request())
                                       peer.send(test::http_response(200,
                                           R"({"errorDetail":{"code":404,"message":"no such tag"}})"
                                           "\n"));
                               }};
    auto docker = Docker::open({*Endpoint::parse("unix://" + path.string()), kOldestApi});
    REQUIRE(docker);
    const auto pulled = docker->pull_image({.image = "a:1"}, {}, {});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code() == Errc::not_found);
}

TEST_CASE("an error without an explanation still tells its status", "[docker]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    test::RawHttpServer engine{path, [](test::RawHttpServer::Connection& peer) {
                                   while (peer.read_request())
                                       peer.send(test::http_response(500, "<html>"));
                               }};
    auto docker = Docker::open({*Endpoint::parse("unix://" + path.string()), kOldestApi});
    REQUIRE(docker);
    const auto info = docker->info({});
    REQUIRE_FALSE(info);
    CHECK(info.error().code() == Errc::internal);
    CHECK(info.error().message() == "docker: 500: no explanation");
}

} // namespace slipway::docker
