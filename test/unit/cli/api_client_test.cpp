#include "common/file.h"
#include "mothership/cli/api_client.h"
#include "test/support/raw_http_server.h"
#include "test/unit/http-client/test_ca.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>

using namespace slipway;
using namespace slipway::cli;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

/// A server with a certificate of `ca` that answers every request with 200.
class Server {
public:
    explicit Server(const TestCa& ca, const std::string& name = "localhost")
        : files_{ca.issue(name)}
        , server_{{files_.certificate, files_.key, ""}, [](RawHttpServer::Connection& peer) {
                      while (peer.read_request() && peer.send(http_response(200, "{}"))) { }
                  }}
    {
    }

    [[nodiscard]] Result<Answer> get_trusting(const std::filesystem::path& ca) const
    {
        auto client = SLIPWAY_TRY(ApiClient::create({.endpoint = server_.url(),
            .ca_pem = ca.empty() ? "" : read_file(ca, 65536).value_or(""),
            .api_key = Secret{"slk_x"}}));
        return client.get("/api/v1/session");
    }

    [[nodiscard]] std::size_t requests() const { return server_.requests().size(); }

private:
    TestCa::Files files_;
    RawHttpServer server_;
};

/// Stands for the system's trust store while it lives.
class SystemStore {
public:
    explicit SystemStore(const std::filesystem::path& ca)
    {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): before any client's thread reads it
        ::setenv("SSL_CERT_FILE", ca.c_str(), 1);
    }

    SystemStore(const SystemStore&) = delete;
    SystemStore& operator=(const SystemStore&) = delete;

    ~SystemStore() { ::unsetenv("SSL_CERT_FILE"); } // NOLINT(concurrency-mt-unsafe)
};

} // namespace

TEST_CASE("a server of the authority given at login is trusted")
{
    const TestCa ours;
    const Server server{ours};
    CHECK(server.get_trusting(ours.certificate()));
}

TEST_CASE("a certificate of the right authority for another name is refused")
{
    const TestCa ours;
    const Server server{ours, "elsewhere.example"};
    const auto answer = server.get_trusting(ours.certificate());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == Errc::rejected);
    CHECK_THAT(answer.error().message(), Contains("hostname mismatch"));
    CHECK(server.requests() == 0);
}

TEST_CASE("with an authority given at login, the system's authorities are not trusted")
{
    const TestCa ours;
    const TestCa system;
    const SystemStore store{system.certificate()};
    const Server server{system};
    const auto answer = server.get_trusting(ours.certificate());
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == Errc::rejected);
    CHECK_THAT(answer.error().message(),
        Contains("unable to get local issuer certificate") && Contains("is the --ca given at login"));
    CHECK(server.requests() == 0);
}

TEST_CASE("without an authority given at login, the system's are trusted")
{
    const TestCa system;
    const SystemStore store{system.certificate()};
    CHECK(Server{system}.get_trusting({}));
}

TEST_CASE("an endpoint without TLS is refused")
{
    const auto client
        = ApiClient::create({.endpoint = "http://localhost", .ca_pem = {}, .api_key = Secret{"slk_x"}});
    REQUIRE_FALSE(client);
    CHECK(client.error().code() == Errc::invalid_input);
}

TEST_CASE("without an authority given at login, a server that is not trusted asks for one")
{
    const TestCa ours;
    const TestCa system;
    const SystemStore store{system.certificate()};
    const auto answer = Server{ours}.get_trusting({});
    REQUIRE_FALSE(answer);
    CHECK_THAT(answer.error().message(), Contains("give its ca.pem: slipway login --ca ca.pem"));
}

TEST_CASE("an IPv6 address is refused by name")
{
    const auto client
        = ApiClient::create({.endpoint = "https://[::1]:8443", .ca_pem = {}, .api_key = Secret{"slk_x"}});
    REQUIRE_FALSE(client);
    CHECK_THAT(client.error().message(), Contains("IPv6"));
}

TEST_CASE("a call without an answer has timed out, and a change may have been made")
{
    const TestCa ours;
    const auto files = ours.issue("localhost");
    RawHttpServer server{{files.certificate, files.key, ""}, [](RawHttpServer::Connection& peer) {
                             peer.read_request();
                             peer.wait_for_close();
                         }};
    auto client = ApiClient::create({.endpoint = server.url(),
                                        .ca_pem = read_file(ours.certificate(), 65536).value_or(""),
                                        .api_key = Secret{"slk_x"}},
        std::chrono::milliseconds{300});
    REQUIRE(client);
    const auto looked = client->get("/api/v1/pools");
    REQUIRE_FALSE(looked);
    CHECK(looked.error().code() == Errc::timed_out);
    const auto changed = client->send("POST", "/api/v1/pools", "{}");
    REQUIRE_FALSE(changed);
    CHECK(changed.error().code() == Errc::timed_out);
    CHECK_THAT(changed.error().message(), Contains("whether it took effect is unknown"));
}
