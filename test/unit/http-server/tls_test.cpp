#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"
#include "test/unit/http-server/tls_peers.h"

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

#include <atomic>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;
using http::Reply;
using http::Request;

namespace {

const std::string kClose = "Connection: close\r\n";

struct Pki {
    Authority ours{"our CA"};
    Authority other{"our CA"}; // The same name with another key.
    Identity server = ours.issue("server");

    [[nodiscard]] http::ServerOptions options() const
    {
        http::ServerOptions options;
        options.tls = http::ServerTls{server.certificate, Secret{server.key}, ours.certificate()};
        return options;
    }
};

http::Router identity_router()
{
    http::Router router = small_router();
    router.require_client_certificate("/worker/");
    const auto who = [](const Request& request) {
        return Reply::text(
            200, request.peer.certificate_der ? common_name(*request.peer.certificate_der) : "nobody");
    };
    router.add("GET", "/who", who);
    router.add("GET", "/worker/who", who);
    router.add("POST", "/worker/who", who);
    return router;
}

} // namespace

TEST_CASE("The handler knows which certificate the connection showed")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    TlsClient worker{server.port(), pki.ours.issue("worker 7"), version};
    CHECK(worker.exchange(get("/worker/who", kClose)).ends_with("\r\n\r\nworker 7"));
    TlsClient browser{server.port(), {}, version};
    CHECK(browser.exchange(get("/who", kClose)).ends_with("\r\n\r\nnobody"));
}

TEST_CASE("Where a client certificate is needed its absence is a 401 before any body")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    const std::string request
        = GENERATE(as<std::string>{}, get("/worker/who", kClose), get("/worker/unknown", kClose),
            "POST /worker/who HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
    TlsClient client{server.port(), {}, TLS1_3_VERSION};
    const auto reply = client.exchange(request);
    CHECK(reply.starts_with("HTTP/1.1 401 "));
    CHECK(reply.find("application/problem+json") != std::string::npos);
}

TEST_CASE("A certificate that does not verify ends the handshake, also where none is needed")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    TlsClient foreign{server.port(), pki.other.issue("worker 7"), version};
    CHECK(foreign.exchange(get("/who", kClose)).empty());
    TlsClient expired{server.port(), pki.ours.issue_expired("worker 7"), version};
    CHECK(expired.exchange(get("/who", kClose)).empty());
    TlsClient good{server.port(), pki.ours.issue("worker 7"), version};
    CHECK(good.exchange(get("/who", kClose)).ends_with("worker 7"));
    CHECK(server.log().find("TLS handshake failed") != std::string::npos);
}

TEST_CASE("TLS below 1.2 is refused")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    const TlsClient old{server.port(), {}, TLS1_1_VERSION};
    CHECK_FALSE(old.shaken());
}

TEST_CASE("The least TLS version is what the operator says")
{
    const Pki pki;
    auto options = pki.options();
    SECTION("older than the default")
    {
        options.tls->minimum = http::TlsVersion::v1_0;
        RunningServer server{identity_router(), options};
        for (const int version : {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
            TlsClient client{server.port(), {}, version};
            CHECK(client.exchange(get("/who", kClose)).ends_with("nobody"));
        }
    }
    SECTION("newer")
    {
        options.tls->minimum = http::TlsVersion::v1_3;
        RunningServer server{identity_router(), options};
        CHECK_FALSE(TlsClient{server.port(), {}, TLS1_2_VERSION}.shaken());
        CHECK(TlsClient{server.port(), {}, TLS1_3_VERSION}.shaken());
    }
}

TEST_CASE("A session is never resumed, so that no connection inherits an identity")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    TlsClient first{server.port(), pki.ours.issue("worker 7"), version};
    CHECK(first.exchange(get("/who", kClose)).ends_with("worker 7"));
    TlsClient second{server.port(), {}, version, &first};
    CHECK_FALSE(second.resumed());
    CHECK(second.exchange(get("/who", kClose)).ends_with("nobody"));
}

TEST_CASE("A handshake that stalls or is none is given up")
{
    const Pki pki;
    auto options = pki.options();
    options.deadlines.handshake = 200ms;
    RunningServer server{identity_router(), options};
    RawClient silent{server.port()};
    CHECK(silent.rest().empty());
    RawClient half{server.port()};
    half.send("\x16\x03\x01\x02");
    CHECK(half.rest().empty());
    RawClient plain{server.port()};
    plain.send(get("/who"));
    CHECK(plain.rest().find("HTTP/1.1 2") == std::string::npos);
    CHECK(comes_true([&] { return server.stats().connections == 0; }));
}

TEST_CASE("Large bodies go both ways through TLS")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    const std::string large(1024 * 1024, 'x');
    TlsClient client{server.port(), {}, TLS1_3_VERSION};
    const auto reply
        = client.exchange("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: "
            + std::to_string(large.size()) + "\r\n\r\n" + large);
    CHECK(reply.ends_with("\r\n\r\n" + large));
}

TEST_CASE("Peers that vanish from parked TLS requests are freed and end no process")
{
    const Pki pki;
    http::Router router = identity_router();
    std::atomic<bool> ready{false};
    router.add("GET", "/wait", [&](const Request& request) {
        return ready || request.last_call ? Reply::text(200, std::string(100'000, 'x'))
                                          : Reply::park({"t"}, 60s);
    });
    RunningServer server{std::move(router), pki.options()};
    // Written without waiting for the reply, so that the peer can leave while it is parked.
    for (int i = 0; i < 20; ++i) {
        auto client = std::make_unique<TlsClient>(server.port(), Identity{}, TLS1_3_VERSION);
        client->send(get("/wait"));
        REQUIRE(comes_true([&] { return server.stats().parked == 1; }));
        client.reset();
        REQUIRE(comes_true([&] { return server.stats().connections == 0; }));
    }
    TlsClient good{server.port(), {}, TLS1_3_VERSION};
    good.send(get("/wait", kClose));
    REQUIRE(comes_true([&] { return server.stats().parked == 1; }));
    ready = true;
    server.topics().notify("t");
    CHECK(good.exchange("").ends_with(std::string(100'000, 'x')));
}

TEST_CASE("A key that does not belong to the certificate is refused at the start")
{
    const Pki pki;
    SystemClock clock;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    http::Topics topics;
    auto options = pki.options();
    options.tls->private_key = Secret{pki.ours.issue("another").key};
    const auto server = http::Server::listen(options, {}, topics, Logger{sink});
    REQUIRE_FALSE(server);
    CHECK(server.error().message().find("does not belong") != std::string::npos);
    CHECK(server.error().message().find("PRIVATE") == std::string::npos);
}

TEST_CASE("A new identity is shown to new connections, the old ones go on, and a wrong one changes nothing")
{
    const Pki pki;
    RunningServer server{identity_router(), pki.options()};
    TlsClient old{server.port(), {}, TLS1_3_VERSION};
    CHECK(old.server_name() == "server");
    CHECK_FALSE(server.replace_tls({"nonsense", Secret{pki.server.key}, pki.ours.certificate()}));
    const Identity fresh = pki.ours.issue("renewed");
    REQUIRE(server.replace_tls({fresh.certificate, Secret{fresh.key}, pki.ours.certificate()}));
    CHECK(comes_true([&] {
        return TlsClient{server.port(), {}, TLS1_3_VERSION}.server_name() == "renewed";
    }));
    CHECK(old.exchange(get("/who", kClose)).ends_with("nobody"));
    TlsClient worker{server.port(), pki.ours.issue("worker 7"), TLS1_3_VERSION};
    CHECK(worker.exchange(get("/worker/who", kClose)).ends_with("worker 7"));
}
