#include "test/unit/http-server/tls_peers.h"
#include "test/unit/vela/running_api.h"

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

using namespace slipway;
using namespace slipway::vela;
using namespace slipway::test;

namespace {

const std::string kClose = "Connection: close\r\n";

WorkerApiOptions with_certificate(const std::string& minimum = "1.2")
{
    const Authority authority{"our CA"};
    const auto identity = authority.issue("worker.test");
    return {.https = true,
        .certificate_chain = identity.certificate,
        .private_key = Secret{identity.key},
        .tls_min_version = minimum,
        .plain_port = {},
        .hostname = "worker.test",
        .version = {}};
}

} // namespace

TEST_CASE("With a certificate the API is served over TLS alone")
{
    const RunningApi api{with_certificate()};
    TlsClient client{api.port(), {}, TLS1_3_VERSION};
    CHECK(client.server_name() == "worker.test");
    const auto reply = client.exchange(get("/health", kClose));
    CHECK(reply.ends_with("\r\n\r\n\"ok\""));
    CHECK(reply.find("\r\nStrict-Transport-Security: max-age=") != std::string::npos);
    CHECK_FALSE(api.plain_port());
    RawClient plain{api.port()};
    plain.send(get("/health"));
    CHECK(plain.rest().find("ok") == std::string::npos);
}

TEST_CASE("The API's least TLS version is the operator's")
{
    const RunningApi api{with_certificate("1.3")};
    CHECK_FALSE(TlsClient{api.port(), {}, TLS1_2_VERSION}.shaken());
    CHECK(TlsClient{api.port(), {}, TLS1_3_VERSION}.shaken());
    const RunningApi old{with_certificate("1.0")};
    CHECK(TlsClient{old.port(), {}, TLS1_1_VERSION}.shaken());
}

TEST_CASE("Without a certificate one is made, and plain HTTP is served at a port of its own")
{
    const std::string hostname = GENERATE(as<std::string>{}, "worker.test", "127.0.0.1", "::1");
    const RunningApi api{{.https = true,
        .certificate_chain = {},
        .private_key = {},
        .plain_port = 0,
        .hostname = hostname,
        .version = {}}};
    TlsClient client{api.port(), {}, TLS1_3_VERSION};
    CHECK(client.server_name() == hostname);
    CHECK(client.exchange(get("/health", kClose)).ends_with("\r\n\r\n\"ok\""));
    const auto plain = api.ask("GET", "/health");
    CHECK(plain.body == "\"ok\"");
    CHECK(header_of(plain.head, "Strict-Transport-Security") == "(none)");
}

TEST_CASE("An API that cannot be served says why")
{
    SystemClock clock;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    const auto failure = [&sink](WorkerApiOptions options) {
        return WorkerApi::listen(std::move(options), {}, Logger{sink}).error();
    };
    const RunningApi other;
    WorkerApiOptions options{.port = other.port(),
        .certificate_chain = {},
        .private_key = {},
        .plain_port = {},
        .hostname = "w",
        .version = {}};
    const auto taken = failure(options);
    CHECK(taken.code() == Errc::conflict);
    CHECK(taken.message().find("port " + std::to_string(other.port())) != std::string::npos);
    options = with_certificate("1.4");
    CHECK(failure(options).message().find("VELA_SERVER_TLS_MIN_VERSION") != std::string::npos);
    options = with_certificate();
    options.private_key = Secret{"nonsense"};
    CHECK(failure(options).code() == Errc::invalid_input);
}
