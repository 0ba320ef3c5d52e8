#include "launcher/config.h"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace slipway;
using namespace slipway::launcher;

namespace {

const std::vector<std::string_view> kSecrets{"TOKEN"};

std::string message_of(std::string_view list)
{
    const auto names = read_allowed_names(list, kSecrets);
    return names ? "" : names.error().message();
}

} // namespace

TEST_CASE("an allow-list is read with its prefixes, and blanks around names are ignored", "[launcher]")
{
    const auto names = read_allowed_names(" A, ro_B ,wo_C,,_D9", kSecrets);
    REQUIRE(names);
    REQUIRE(names->size() == 4);
    CHECK((*names)[0].name == "A");
    CHECK((*names)[0].stages == StageClass::every);
    CHECK((*names)[1].name == "B");
    CHECK((*names)[1].stages == StageClass::read);
    CHECK((*names)[2].name == "C");
    CHECK((*names)[2].stages == StageClass::write);
    CHECK((*names)[3].name == "_D9");
}

TEST_CASE("an allow-list with a value or a wrong name is refused with that entry", "[launcher]")
{
    CHECK(message_of("A,B=1").find("\"B=1\"") != std::string::npos);
    CHECK(message_of("9A").find("\"9A\"") != std::string::npos);
    CHECK(message_of("ro_").find("\"ro_\"") != std::string::npos);
    CHECK(message_of("A B").find("\"A B\"") != std::string::npos);
}

TEST_CASE("an allow-list that names a secret is refused, with a prefix too", "[launcher]")
{
    CHECK(message_of("A,TOKEN").find("TOKEN, which is never passed") != std::string::npos);
    CHECK(message_of("wo_TOKEN").find("TOKEN, which is never passed") != std::string::npos);
    CHECK(message_of("TOKENS").empty());
}

TEST_CASE("allowed variables are passed with their values when they are set, empty ones too", "[launcher]")
{
    const auto environment = Environment::of({{"A", "1"}, {"EMPTY", ""}, {"OTHER", "x"}}, kSecrets);
    const auto passed = passed_variables(
        {{"A", StageClass::write}, {"EMPTY", StageClass::every}, {"MISSING", StageClass::every}},
        environment);
    REQUIRE(passed.size() == 2);
    CHECK(passed[0].name == "A");
    CHECK(passed[0].value == "1");
    CHECK(passed[0].stages == StageClass::write);
    CHECK(passed[1].name == "EMPTY");
    CHECK(passed[1].value.empty());
}

TEST_CASE("a masked variable is passed as if it was on the allow-list, whose prefix counts", "[launcher]")
{
    Config config;
    config.allowed_names = {{.name = "A", .stages = StageClass::write}};
    config.engine.mask_names = {"A", "B"};
    const auto names = names_for_jobs(config);
    REQUIRE(names.size() == 2);
    CHECK(names[0].stages == StageClass::write);
    CHECK(names[1].name == "B");
    CHECK(names[1].stages == StageClass::every);
}

TEST_CASE("git in a job goes to the private version control systems by configuration in its environment",
    "[launcher]")
{
    Config config;
    CHECK(variables_for_jobs(config).empty());
    config.private_vcs = {{.number = "0", .name = "gitlab", .base_endpoint = "https://gitlab.local"},
        {.number = "7", .name = "bb", .base_endpoint = "http://bb.local:7990/x/"}};
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& variable : variables_for_jobs(config))
        pairs.emplace_back(variable.name, variable.value);
    CHECK(pairs
        == std::vector<std::pair<std::string, std::string>>{
            {"GIT_CONFIG_KEY_0", "url.https://gitlab.local/.insteadOf"},
            {"GIT_CONFIG_VALUE_0", "private://gitlab/"},
            {"GIT_CONFIG_KEY_1", "url.http://bb.local:7990/x/.insteadOf"},
            {"GIT_CONFIG_VALUE_1", "private://bb/"},
            {"GIT_CONFIG_COUNT", "2"},
        });
}

TEST_CASE("the proxies in force are what libcurl reads in the environment, whatever was there", "[launcher]")
{
    ::setenv("https_proxy", "http://old:1", 1);
    ::setenv("no_proxy", "old", 1);
    export_proxies({.http = "http://a:1", .https = "http://b:2", .none = ""});
    const auto value = [](const char* name) {
        const char* text = std::getenv(name);
        return text == nullptr ? "(none)" : std::string{text};
    };
    CHECK(value("http_proxy") == "http://a:1");
    CHECK(value("https_proxy") == "http://b:2");
    CHECK(value("HTTPS_PROXY") == "http://b:2");
    CHECK(value("no_proxy") == "(none)");
    export_proxies({});
    CHECK(value("https_proxy") == "(none)");
}

TEST_CASE("a secret is not among the variables", "[launcher]")
{
    const auto environment = Environment::of({{"TOKEN", "hush"}, {"A", "1"}}, kSecrets);
    REQUIRE(environment.variables().size() == 1);
    CHECK(environment.variables()[0].first == "A");
    CHECK_FALSE(environment.find("TOKEN"));
    CHECK(environment.secret("TOKEN").equals("hush"));
    CHECK(passed_variables({{"TOKEN", StageClass::every}}, environment).empty());
}

TEST_CASE("the state directory is the system's for root and the user's own for others", "[launcher]")
{
    const auto both = Environment::of({{"HOME", "/home/u"}, {"XDG_STATE_HOME", "/state"}}, kSecrets);
    const auto home = Environment::of({{"HOME", "/home/u"}}, kSecrets);
    CHECK(default_state_directory(true, both).value_or("") == "/var/lib/slipway");
    CHECK(default_state_directory(false, both).value_or("") == "/state/slipway");
    CHECK(default_state_directory(false, home).value_or("") == "/home/u/.local/state/slipway");
    const auto none = default_state_directory(false, Environment::of({}, kSecrets));
    REQUIRE_FALSE(none);
    CHECK(none.error().message().find("SLIPWAY_STATE_DIR") != std::string::npos);
}
