#include "launcher/mothership_backend.h"
#include "test/support/raw_http_server.h"

#include <catch2/catch.hpp>

#include <latch>

using namespace slipway;
using namespace slipway::launcher;
using slipway::test::http_response;
using slipway::test::RawHttpServer;

namespace {

const std::string kRegistered
    = R"({"worker_id":"01J0000000000000000000000B","session":"s3ss10n",)"
      R"("pool_id":"01J0000000000000000000000C","pool_name":"demo","wall_ms":1700000000000})";

const SystemClock kClock;
SystemRandom the_random;

std::unique_ptr<MothershipBackend> backend_for(const RawHttpServer& server)
{
    auto backend = MothershipBackend::create({.url = server.url(),
        .ca_pem = {},
        .identity = {},
        .user_agent = "slipway-launcher/test",
        .clock = kClock,
        .random = the_random});
    REQUIRE(backend);
    return *std::move(backend);
}

protocol::RegisterRequest request()
{
    return {.instance_id = "01J0000000000000000000000D",
        .boot_id = "b",
        .version = "1",
        .hostname = "h",
        .metadata = {}};
}

} // namespace

TEST_CASE("a registration takes the connection that was made ahead, whatever that was answered", "[launcher]")
{
    const int status = GENERATE(200, 404, 503);
    RawHttpServer server{[status](RawHttpServer::Connection& peer) {
        if (peer.read_request() && peer.send(http_response(status, "")) && peer.read_request())
            peer.send(http_response(200, kRegistered));
    }};
    const auto backend = backend_for(server);
    backend->connect_ahead();
    REQUIRE(backend->enroll(request(), {}));
    REQUIRE(server.requests().size() == 2);
    CHECK(server.requests()[0].starts_with("GET /healthz "));
    CHECK(server.requests()[1].starts_with("POST /worker/v1/register "));
    CHECK(server.connections() == 1);
}

TEST_CASE("a registration after a connection ahead that failed makes its own", "[launcher]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        if (peer.read_request() && peer.number() > 0)
            peer.send(http_response(200, kRegistered));
    }};
    const auto backend = backend_for(server);
    backend->connect_ahead();
    CHECK(backend->enroll(request(), {}));
    CHECK(server.connections() == 2);
}

TEST_CASE("a connection ahead to a silent server ends with a stop of the registration, or with its backend",
    "[launcher]")
{
    const bool stops = GENERATE(false, true);
    std::latch asked{1};
    RawHttpServer server{[&](RawHttpServer::Connection& peer) {
        if (peer.read_request())
            asked.count_down();
        peer.wait_for_close();
    }};
    auto backend = backend_for(server);
    backend->connect_ahead();
    asked.wait();
    if (stops) {
        std::stop_source stop;
        stop.request_stop();
        const auto registered = backend->enroll(request(), stop.get_token());
        REQUIRE_FALSE(registered);
        CHECK(registered.error().code() == Errc::cancelled);
    }
    backend.reset();
    CHECK(server.connections() == 1);
}
