#include "launcher/vela/prepare.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway::vela;

namespace {

SecretValue secret(std::string_view value)
{
    SecretValue made;
    made.name = "key";
    made.value = slipway::Secret{value};
    made.allow_events = {"push"};
    made.allow_command = true;
    return made;
}

Container step()
{
    Container made;
    made.image = "alpine:3";
    made.commands = {"true"};
    made.environment = {{"VELA_BUILD_EVENT", "push"}};
    made.secrets = {{.source = "key", .target = "KEY"}};
    return made;
}

bool gets(Container container, const SecretValue& value)
{
    inject_secrets(container, {{"key", value}}, Substitutable::no);
    return container.environment.contains("KEY");
}

} // namespace

TEST_CASE("a container gets a secret that allows it")
{
    CHECK(gets(step(), secret("v")));

    auto other = step();
    other.secrets[0].source = "another";
    CHECK_FALSE(gets(other, secret("v")));

    auto value = secret("v");
    value.allow_events = {"tag"};
    CHECK_FALSE(gets(step(), value));
    value.allow_events.clear();
    CHECK_FALSE(gets(step(), value));

    value = secret("v");
    value.images = {"golang", ""};
    CHECK_FALSE(gets(step(), value));
    value.images = {"golang", "alp"};
    CHECK(gets(step(), value));
    value.images = {""};
    CHECK(gets(step(), value));

    value = secret("v");
    value.allow_command = false;
    CHECK_FALSE(gets(step(), value));
    auto plugin = step();
    plugin.commands.clear();
    CHECK(gets(plugin, value));
    plugin.entrypoint = {"sh"};
    CHECK_FALSE(gets(plugin, value));
}

TEST_CASE("the action of an event counts for a secret, lazy or not")
{
    auto value = secret("v");
    value.allow_events = {"pull_request:opened", "deployment", "schedule", "delete:tag"};
    for (const auto& [event, action, expected] : std::vector<std::tuple<std::string, std::string, bool>>{
             {"pull_request", "opened", true}, {"pull_request", "edited", false}, {"pull_request", "", false},
             {"deployment", "created", true}, {"deployment", "", true}, {"schedule", "run", true},
             {"delete", "tag", true}, {"delete", "branch", false}, {"push", "", false}, {"", "", false}}) {
        CAPTURE(event, action);
        auto container = step();
        container.environment = {{"VELA_BUILD_EVENT", event}, {"VELA_BUILD_EVENT_ACTION", action}};
        CHECK(gets(container, value) == expected);
    }
}

TEST_CASE("secrets are given in two parts, before and after substitution")
{
    auto open = secret("a\\nb");
    open.allow_substitution = true;
    auto kept = secret("c\\nd");
    auto doubled = secret("e\\\\nf\\n");
    doubled.allow_substitution = true;
    auto container = step();
    container.secrets = {{"open", "OPEN"}, {"kept", "KEPT"}, {"doubled", "DOUBLED"}};
    const std::map<std::string, SecretValue> fetched{{"open", open}, {"kept", kept}, {"doubled", doubled}};

    inject_secrets(container, fetched, Substitutable::yes);
    CHECK(container.environment
        == Variables{{"VELA_BUILD_EVENT", "push"}, {"OPEN", "a\\\nb"}, {"DOUBLED", "e\\\\nf\\n"}});
    CHECK(container.commands == std::vector<std::string>{"true"});

    inject_secrets(container, fetched, Substitutable::no);
    CHECK(container.environment.at("KEPT") == "c\\nd");
}

TEST_CASE("a secret that is called like the event opens no other")
{
    auto container = step();
    container.environment["VELA_BUILD_EVENT"] = "push";
    container.secrets = {{"first", "VELA_BUILD_EVENT"}, {"second", "SECOND"}};
    auto second = secret("v");
    second.allow_events = {"tag"};
    inject_secrets(container, {{"first", secret("tag")}, {"second", second}}, Substitutable::no);
    CHECK_FALSE(container.environment.contains("SECOND"));
}

TEST_CASE("masked values are whole, joined and line by line, but never blank")
{
    Container container;
    container.secrets = {{"a", "A"}, {"b", "B"}, {"c", "C"}, {"gone", "GONE"}};
    container.environment = {
        {"A", "s3cr3t\n"}, {"B", "-----BEGIN\r\n  line two\n}\n\nlast line\n"}, {"C", " \n"}, {"D", "open"}};
    const auto values = masked_values(container, {"token", "", "s3cr3t"});
    std::vector<std::string> sorted = values;
    std::ranges::sort(sorted);
    CHECK(sorted
        == std::vector<std::string>{"-----BEGIN", "-----BEGIN\r\n  line two\n}\n\nlast line",
            "-----BEGIN\r   line two }  last line", "last line", "line two", "s3cr3t", "token"});
    CHECK(std::ranges::is_sorted(values, std::ranges::greater{}, &std::string::size));
    CHECK(masked_values({}, {"", "\n", "  "}).empty());
}

TEST_CASE("the path of a secret is checked before it is fetched")
{
    const BuildName build{"octo", "hello", 1};
    const auto path = [&](const std::string& type, const std::string& key) {
        return secret_path(
            {.name = "n", .key = key, .engine = "native", .type = type, .lazy = false, .origin = {}}, build);
    };
    const auto repo = path("repo", "Octo/HELLO/api/key");
    REQUIRE(repo);
    CHECK(repo->org + "|" + repo->name + "|" + repo->key + "|" + repo->type + "|" + repo->engine
        == "Octo|HELLO|api/key|repo|native");
    const auto org = path("org", "octo/late");
    REQUIRE(org);
    CHECK(org->name + "|" + org->key == "*|late");
    const auto shared = path("shared", "other/team/key");
    REQUIRE(shared);
    CHECK(shared->org + "|" + shared->name + "|" + shared->key == "other|team|key");

    for (const auto& [type, key] : std::vector<std::pair<std::string, std::string>>{{"repo", "key"},
             {"repo", "octo/hello"}, {"org", "key"}, {"org", ""}, {"shared", "octo/team"},
             {"repo", "octo//key"}, {"repo", "octo/hello/"}}) {
        CAPTURE(type, key);
        const auto refused = path(type, key);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message() == "invalid secret path: " + key + " ");
    }
    CHECK_FALSE(path("repo", "evil/hello/key"));
    CHECK_FALSE(path("repo", "octo/evil/key"));
    CHECK_FALSE(path("org", "evil/key"));
    CHECK_FALSE(path("team", "octo/hello/key"));
    CHECK_FALSE(secret_path(
        {.name = "n", .key = "octo/k", .engine = "disk", .type = "org", .lazy = false, .origin = {}}, build));
    for (const auto& name : {std::string{}, std::string{"a=b"}, std::string{"a\0b", 3}})
        CHECK_FALSE(secret_path(
            {.name = name, .key = "octo/k", .engine = "native", .type = "org", .lazy = false, .origin = {}},
            build));
}
