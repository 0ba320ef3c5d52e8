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
    REQUIRE_FALSE(server.get_trusting(ours.certificate()));
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
    CHECK(answer.error().message().find("--ca") != std::string::npos);
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
