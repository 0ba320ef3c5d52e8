#include "launcher/vela/log_body.h"
#include "launcher/vela/parse.h"
#include "launcher/vela/server.h"
#include "test/support/temp_dir.h"
#include "test/support/vela_server.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::vela;
using slipway::test::VelaOutage;
using slipway::test::VelaServer;

namespace {

constexpr auto kPipeline
    = R"({"version":"1","services":[{"name":"db","image":"pg","number":1}],"steps":[{"name":"init","image":"#init","number":1},{"name":"one","image":"busy","number":2}]})";
const BuildName kBuild{"octo", "hello", 1};

std::unique_ptr<Server> client_of(const VelaServer& server)
{
    auto client = Server::create({.url = server.url(), .user_agent = "test"});
    REQUIRE(client);
    return *std::move(client);
}

Secret secret_of(std::string text) { return Secret::take(text); }

template <class T> Errc code_of(const Result<T>& result)
{
    return result ? Errc::internal : result.error().code();
}

} // namespace

TEST_CASE("vela server: a token opens what its kind may open", "[vela]")
{
    VelaServer server;
    const auto client = client_of(server);
    const auto reg = secret_of(server.register_token("w"));
    CHECK(client->queue_info(reg, {}));
    CHECK(code_of(client->add_worker(reg, {.hostname = "other", .address = "http://o"}, {}))
        == Errc::invalid_input);
    const WorkerRow row{.hostname = "w", .address = "http://w:8080", .routes = {"vela"}, .status = "idle"};
    const auto auth = client->add_worker(reg, row, {});
    REQUIRE(auth);
    CHECK(code_of(client->add_worker(reg, row, {})) == Errc::unreachable);
    CHECK(code_of(client->queue_info(*auth, {})) == Errc::rejected);
    CHECK(client->refresh(*auth, "w", {}));
    CHECK(code_of(client->refresh(*auth, "other", {})) == Errc::rejected);
    CHECK(code_of(client->validate_token(*auth, {})) == Errc::rejected);
    CHECK(client->validate_token(secret_of(server.server_token()), {}));
}

TEST_CASE("vela server: a build's calls need its own token, its executable is given once", "[vela]")
{
    VelaServer server{{.secret = "shared"}};
    const auto client = client_of(server);
    const auto shared = secret_of("shared");
    const auto item = read_item(server.add_build(kPipeline));
    REQUIRE(item);
    server.add_build(kPipeline, {.number = 2});
    const auto token = client->build_token(shared, kBuild, {});
    REQUIRE((token && *token));
    CHECK(code_of(client->executable(**token, {"octo", "hello", 2}, {})) == Errc::rejected);
    CHECK(code_of(client->executable(shared, kBuild, {})) == Errc::rejected);
    const auto text = client->executable(**token, kBuild, {});
    REQUIRE(text);
    CHECK(*text == kPipeline);
    CHECK(code_of(client->executable(**token, kBuild, {})) == Errc::unreachable);
    auto build = item->build;
    build.status = "running";
    CHECK(client->update_build(**token, build, {}));
    CHECK(server.build("octo/hello/1").text("status") == "running");
    test::TempDir directory;
    LogBody log{directory.path()};
    REQUIRE(log.append("two\nlines\n"));
    CHECK(client->put_log(**token, kBuild, ContainerKind::step, 2, *log.finish(), {}));
    CHECK(server.step_log("octo/hello/1", 2) == "two\nlines\n");
    const auto again = client->build_token(shared, kBuild, {});
    CHECK((again && !*again));
    CHECK(server.cancel("octo/hello/2").status == 200);
    const auto cancelled = client->build_token(shared, {"octo", "hello", 2}, {});
    CHECK((cancelled && !*cancelled));
    CHECK(server.requests().back().status == 409);
    server.set_outage(VelaOutage::errors);
    CHECK(code_of(client->build_token(shared, kBuild, {})) == Errc::unreachable);
}
