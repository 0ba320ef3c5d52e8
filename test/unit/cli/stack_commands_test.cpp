#include "common/file.h"
#include "common/json.h"
#include "test/unit/cli/command_world.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::cli::test;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

using Strings = std::vector<std::string>;

/// A control plane with one stack.
class Stacks : public CommandWorld {
public:
    Stacks()
        : CommandWorld{[](const std::string& request) {
            return http_response(request.starts_with("POST") ? 201 : 200,
                R"({"id":"web","phases":{"init":["i"],"plan":["p"],"apply":["a"],"perform":["x"]},)"
                R"("environment":{"OLD":"1","SAME":"2"}})");
        }}
    {
    }

    /// The JSON text that was sent last.
    JsonDocument sent()
    {
        const auto requests = server().requests();
        REQUIRE_FALSE(requests.empty());
        auto document = JsonDocument::parse(requests.back().substr(requests.back().find("\r\n\r\n") + 4));
        REQUIRE(document);
        return *std::move(document);
    }
};

Strings phase(const JsonDocument& document, std::string_view name)
{
    const auto phases = document.root().at("phases");
    REQUIRE(phases);
    return phases->string_list(name).value_or(Strings{"?"});
}

} // namespace

TEST_CASE("an option of a stack takes one value each time, and words after it are arguments")
{
    Stacks world;
    const auto outcome = world.run({"stack", "create", "--init", "i1", "--plan", "tofu plan", "--plan", "p2",
        "--apply", "a", "--env", "A=1", "--env", "B=x=y", "web"});
    CHECK(outcome.err == "");
    REQUIRE(outcome.code == 0);
    const auto document = world.sent();
    CHECK(document.root().string("name").value_or("") == "web");
    CHECK(phase(document, "init") == Strings{"i1"});
    CHECK(phase(document, "plan") == Strings{"tofu plan", "p2"});
    CHECK(phase(document, "apply") == Strings{"a"});
    const auto environment = document.root().string_map("environment");
    REQUIRE(environment);
    CHECK(*environment == std::vector<std::pair<std::string, std::string>>{{"A", "1"}, {"B", "x=y"}});
}

TEST_CASE("a command that was not quoted is refused before anything is made")
{
    Stacks world;
    const auto outcome
        = world.run({"stack", "create", "web", "--plan", "tofu", "plan", "--apply", "tofu", "apply"});
    CHECK(outcome.code > 100);
    CHECK(world.server().connections() == 0);
}

TEST_CASE("a stack is changed in what is given, and in nothing else")
{
    Stacks world;
    const auto outcome = world.run(
        {"stack", "set", "web", "--plan", "p2", "--env", "SAME=3", "--env", "NEW=4", "--no-autodeploy"});
    CHECK(outcome.err == "");
    REQUIRE(outcome.code == 0);
    CHECK(world.server().requests().back().starts_with("PATCH /api/v1/stacks/web "));
    const auto document = world.sent();
    CHECK(document.root().boolean("autodeploy").value_or(JsonValue::Boolean::yes) == JsonValue::Boolean::no);
    CHECK_FALSE(document.root().string("runner_image"));
    CHECK(phase(document, "init") == Strings{"i"});
    CHECK(phase(document, "plan") == Strings{"p2"});
    CHECK(phase(document, "perform") == Strings{"x"});
    const auto environment = document.root().string_map("environment");
    REQUIRE(environment);
    CHECK(*environment
        == std::vector<std::pair<std::string, std::string>>{{"NEW", "4"}, {"OLD", "1"}, {"SAME", "3"}});
}

TEST_CASE("sources in git are given and taken away, and a URL with a password is not sent at all")
{
    Stacks world;
    REQUIRE(
        world.run({"stack", "set", "web", "--git", "https://git.example/a", "--ref", "v1", "--path", "infra"})
            .code
        == 0);
    auto document = world.sent();
    CHECK(document.root().string("git_url").value_or("?") == "https://git.example/a");
    CHECK(document.root().string("git_ref").value_or("?") == "v1");
    CHECK(document.root().string("project_root").value_or("?") == "infra");
    REQUIRE(world.run({"stack", "set", "web", "--git", ""}).code == 0);
    document = world.sent();
    CHECK(document.root().string("git_url").value_or("?").empty());
    CHECK(document.root().string("git_ref").value_or("?").empty());
    REQUIRE(world.run({"stack", "set", "web", "--ref", ""}).code == 0);
    document = world.sent();
    CHECK_FALSE(document.root().string("git_url"));
    CHECK(document.root().string("git_ref").value_or("?").empty());
    const auto before = world.server().connections();
    const auto refused = world.run({"stack", "set", "web", "--git", "https://bob:hunter2@git.example/a"});
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains("--secret-env GIT_PASSWORD") && !Contains("hunter2"));
    CHECK(world.run({"stack", "set", "web", "--ref", "--upload-pack=id"}).code != 0);
    CHECK(world.server().connections() == before);
}

TEST_CASE("a module is a stack of another kind, whose test is a run of the type TESTING")
{
    Stacks world;
    REQUIRE(
        world.run({"module", "create", "vpc", "--plan", "p", "--apply", "a", "--destroy", "d"}).code == 0);
    CHECK(world.sent().root().string("kind").value_or("") == "module");
    CHECK(world.run({"module", "create", "vpc", "--plan", "p", "--autodeploy"}).code > 100);
    REQUIRE(world.run({"module", "test", "vpc"}).code == 0);
    CHECK(world.server().requests().back().starts_with("POST /api/v1/stacks/vpc/runs "));
    CHECK(world.sent().root().string("type").value_or("") == "TESTING");
}

TEST_CASE("a push that is refused says why, before anything is packed")
{
    CommandWorld world{
        [](const std::string&) { return http_response(404, R"({"detail":"there is no stack web"})"); }};
    REQUIRE(make_directories(world.directory() / "in"));
    const auto outcome = world.run({"stack", "push", "web", world.directory() / "in"});
    CHECK(outcome.code == 1);
    CHECK(outcome.err == "slipway: there is no stack web\n");
    CHECK(world.server().requests().size() == 1);
}

TEST_CASE("a pushed directory arrives as a tar archive")
{
    CommandWorld world{[](const std::string&) { return http_response(200, R"({"version":3})"); }};
    REQUIRE(make_directories(world.directory() / "in"));
    REQUIRE(replace_file(world.directory() / "in" / "main.tf", "hello"));
    const auto outcome = world.run({"stack", "push", "web", world.directory() / "in"});
    CHECK(outcome.err == "");
    CHECK_THAT(outcome.out, Contains("pushed 1 entries") && Contains("as version 3 of web"));
    const auto requests = world.server().requests();
    REQUIRE(requests.size() == 2);
    CHECK_THAT(
        requests[1], Contains("PUT /api/v1/stacks/web/source") && Contains("ustar") && Contains("hello"));
}
