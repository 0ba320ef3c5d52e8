#include "common/file.h"
#include "launcher/mothership_backend.h"
#include "test/support/raw_http_server.h"
#include "test/unit/http-client/test_ca.h"

#include <catch2/catch.hpp>

#include <mutex>

using namespace slipway;
using namespace slipway::launcher;
using slipway::test::http_response;
using slipway::test::RawHttpServer;

namespace {

const SystemClock kClock;
SystemRandom the_random;

} // namespace

TEST_CASE("the pool's certificate is shown, and a server of another authority is refused", "[launcher]")
{
    const test::TestCa ca;
    const auto server_files = ca.issue("localhost");
    const auto pool_files = ca.issue("pool");
    RawHttpServer server{
        {server_files.certificate, server_files.key, ca.certificate()}, [](RawHttpServer::Connection& peer) {
            if (peer.read_request())
                peer.send(http_response(peer.peer_name() == "pool" ? 200 : 403, R"({"offers":[]})"));
        }};
    const auto text = [](const std::filesystem::path& path) { return read_file(path, 65536).value_or(""); };
    MothershipOptions options{.url = server.url(),
        .ca_pem = text(ca.certificate()),
        .identity
        = {.certificate_pem = text(pool_files.certificate), .private_key_pem = Secret{text(pool_files.key)}},
        .user_agent = "test",
        .clock = kClock,
        .random = the_random};
    const auto trusted = MothershipBackend::create(options);
    REQUIRE(trusted);
    CHECK((*trusted)->poll({.held = {}, .wait = 0}, {}));
    const test::TestCa other;
    options.ca_pem = text(other.certificate());
    const auto foreign = MothershipBackend::create(options);
    REQUIRE(foreign);
    const auto refused = (*foreign)->poll({.held = {}, .wait = 0}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
}

TEST_CASE("another identity is shown from the next call on, also where a connection was kept", "[launcher]")
{
    const test::TestCa ca;
    const auto server_files = ca.issue("localhost");
    const auto first = ca.issue("first");
    const auto second = ca.issue("second");
    std::mutex mutex;
    std::vector<std::string> names;
    RawHttpServer server{
        {server_files.certificate, server_files.key, ca.certificate()}, [&](RawHttpServer::Connection& peer) {
            while (peer.read_request()) {
                {
                    const std::lock_guard lock{mutex};
                    names.push_back(peer.peer_name());
                }
                peer.send(http_response(200, R"({"offers":[]})"));
            }
        }};
    const auto text = [](const std::filesystem::path& path) { return read_file(path, 65536).value_or(""); };
    const auto identity = [&](const test::TestCa::Files& files) {
        return MothershipIdentity{
            .certificate_pem = text(files.certificate), .private_key_pem = Secret{text(files.key)}};
    };
    const auto backend = MothershipBackend::create({.url = server.url(),
        .ca_pem = text(ca.certificate()),
        .identity = identity(first),
        .user_agent = "test",
        .clock = kClock,
        .random = the_random});
    REQUIRE(backend);
    const auto poll = [&] { CHECK((*backend)->poll({.held = {}, .wait = 0}, {})); };
    poll();
    poll();
    CHECK((*backend)->replace_identity(identity(second)));
    poll();
    const std::lock_guard lock{mutex};
    CHECK(names == std::vector<std::string>{"first", "first", "second"});
}
