#include "common/http/http_client.h"
#include "test/unit/launcher/launcher_program.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>
#include <tuple>

using namespace slipway;
using namespace slipway::test;
using slipway::launcher::ExitCode;
using slipway::launcher::to_int;

TEST_CASE("a launcher that runs is asked what it does, drained and told to go on", "[launcher]")
{
    FakeMothership server{pool()};
    const Launcher launcher{server.url()};
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    REQUIRE(server.wait_for_poll(kSoon));
    const auto ask = [&](const std::vector<std::string>& words) {
        auto ended = launcher.start(words).finish(kSoon);
        INFO(launcher.log());
        REQUIRE(ended);
        return *ended;
    };
    auto [code, text] = ask({"status"});
    CHECK(code == 0);
    CHECK(holds(text, "ready for work"));
    CHECK(holds(text, "01J0000000000000000000000W"));
    CHECK(holds(text, "0 of 1 taken"));
    CHECK_FALSE(holds(text, "\033"));
    CHECK(holds(ask({"status", "--json"}).second, R"("ready":true)"));
    CHECK(ask({"why"}).first == 0);

    CHECK(ask({"drain", "--wait"}) == std::pair<int, std::string>{0, "drained: nothing is held\n"});
    std::tie(code, text) = ask({"why"});
    CHECK(code == to_int(ExitCode::internal));
    CHECK(holds(text, "Remedy: slipway-launcher undrain"));
    CHECK(holds(ask({"status"}).second, "drained by"));
    CHECK(ask({"undrain"}).first == 0);
    CHECK(ask({"why"}).first == 0);

    CHECK(ask({"drain", "--exit", "--wait"}).first == 0);
    CHECK(process.wait(kSoon).value_or(-1) == 0);
    CHECK(server.signed_off());
    CHECK(ask({"status"}).first == to_int(ExitCode::not_running));
    CHECK(holds(launcher.log(), "no launcher runs on the state directory"));
}

TEST_CASE(
    "health and metrics are served where the setting says, and a taken address ends the start", "[launcher]")
{
    FakeMothership server{pool()};
    Launcher launcher{server.url()};
    const std::string taken = RawHttpServer{[](RawHttpServer::Connection&) {}}.url();
    const std::string port = taken.substr(taken.rfind(':') + 1);
    launcher.with("SLIPWAY_METRICS_ADDRESS", "127.0.0.1:" + port);
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    auto client = http::HttpClient::create({.base_url = "http://127.0.0.1:" + port});
    REQUIRE(client);
    http::ClientRequest request;
    request.url = "/readyz";
    request.timeout = kSoon;
    CHECK(comes_true([&] {
        const auto ready = client->send(request, {});
        return ready && ready->status == 200;
    }));
    request.url = "/metrics";
    const auto metrics = client->send(request, {});
    REQUIRE(metrics);
    CHECK(holds(metrics->body, "slipway_launcher_capacity 1\n"));
    Launcher second{server.url()};
    second.with("SLIPWAY_METRICS_ADDRESS", "127.0.0.1:" + port);
    CHECK(second.exit_code() == to_int(ExitCode::cannot_listen));
    CHECK(holds(second.log(), "SLIPWAY_METRICS_ADDRESS"));
}

TEST_CASE("HUP reads token and key again from their files, and wrong ones change nothing", "[launcher]")
{
    FakeMothership server{pool()};
    Launcher launcher{server.url()};
    const auto token = launcher.directory() / "token";
    const auto key = launcher.directory() / "key";
    REQUIRE(replace_file(token, pool().token()));
    REQUIRE(replace_file(key, pool().key_pem()));
    launcher.with("SPACELIFT_TOKEN", "").with("SPACELIFT_POOL_PRIVATE_KEY", "");
    auto process = launcher.start({"--token-file", token.string(), "--private-key-file", key.string()});
    REQUIRE(process.read_until("is ready", kSoon));
    const auto registrations = [&] {
        return std::ranges::count_if(server.requests(),
            [](const auto& request) { return request.starts_with("POST /worker/v1/register"); });
    };
    REQUIRE(registrations() == 1);

    REQUIRE(replace_file(key, "no key"));
    process.signal(SIGHUP);
    REQUIRE(comes_true([&] { return holds(launcher.log(), "HUP changes nothing"); }));
    CHECK(holds(launcher.log(), "SPACELIFT_POOL_PRIVATE_KEY"));
    CHECK(registrations() == 1);

    REQUIRE(replace_file(key, pool().key_base64()));
    process.signal(SIGHUP);
    REQUIRE(comes_true([&] { return holds(launcher.log(), "token and keys were read again"); }));
    CHECK(comes_true([&] { return registrations() == 2; }));
    process.signal(SIGTERM);
    CHECK(process.wait(kSoon).value_or(-1) == 0);
}

TEST_CASE(
    "HUP reads a token without authority again under the further authorities of the start", "[launcher]")
{
    FakeMothership server{pool()};
    Launcher launcher{server.url()};
    const auto token = launcher.directory() / "token";
    const auto key = launcher.directory() / "key";
    auto fields = pool().fields;
    const std::string ca = base64_encode(std::exchange(fields.ca_pem, ""));
    REQUIRE(replace_file(token, crypto::encode_pool_token(fields)));
    REQUIRE(replace_file(key, pool().key_pem()));
    launcher.with("SPACELIFT_TOKEN", "").with("SPACELIFT_POOL_PRIVATE_KEY", "");
    launcher.with("ADDITIONAL_ROOT_CAS", base64_encode(R"({"caCertificates":[")" + ca + R"("]})"));
    auto process = launcher.start({"--token-file", token.string(), "--private-key-file", key.string()});
    INFO(launcher.log());
    REQUIRE(process.read_until("is ready", kSoon));
    process.signal(SIGHUP);
    CHECK(comes_true([&] { return holds(launcher.log(), "token and keys were read again"); }));
    REQUIRE(replace_file(token, pool().token())); // another trust than that of the start
    process.signal(SIGHUP);
    CHECK(comes_true([&] { return holds(launcher.log(), "another control plane or authority"); }));
    process.signal(SIGTERM);
    CHECK(process.wait(kSoon).value_or(-1) == 0);
}

TEST_CASE("HUP says that a token of the environment cannot be read again", "[launcher]")
{
    FakeMothership server{pool()};
    const Launcher launcher{server.url()};
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    process.signal(SIGHUP);
    CHECK(comes_true([&] { return holds(launcher.log(), "--token-file"); }));
}
