#include "launcher/registry/credential_helper.h"
#include "test/unit/registry/tool_box.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kTool = "docker-credential-test";

Result<std::optional<StoredLogin>> ask(std::chrono::milliseconds deadline = 30s)
{
    return ask_helper(
        "test", "docker.io", {.environment = {{"PATH", "/usr/bin:/bin"}}, .deadline = deadline}, {});
}

/// What is said of a helper that is at fault; never what it wrote.
std::string fault(
    const test::ToolBox& tools, std::string_view script, std::chrono::milliseconds deadline = 30s)
{
    tools.add(kTool, script);
    const auto login = ask(deadline);
    REQUIRE_FALSE(login);
    CHECK((login.error().code() == Errc::internal || login.error().code() == Errc::timed_out));
    CHECK(login.error().message().find("hidden") == std::string::npos);
    CHECK(login.error().message().find("docker-credential-test") != std::string::npos);
    return login.error().message();
}

} // namespace

TEST_CASE("a credential helper is asked for the registry's address and its login is used")
{
    const test::ToolBox tools;
    tools.add(kTool,
        R"(read -r url; [ "$1" = get ] && printf '{"ServerURL":"x","Username":"%s","Secret":"s"}' "$url")");
    auto login = ask();
    REQUIRE(login);
    REQUIRE(*login);
    CHECK((*login)->username == "https://index.docker.io/v1/");
    CHECK((*login)->password.equals("s"));
    tools.add(kTool, R"(echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}')");
    login = ask();
    REQUIRE(login);
    CHECK((*login)->username.empty());
    CHECK((*login)->identity_token.equals("t"));
}

TEST_CASE("a credential helper that has no login is no fault")
{
    const test::ToolBox tools;
    tools.add(kTool, "echo 'credentials not found in native keychain'; exit 1");
    CHECK_FALSE(*ask());
    tools.add(kTool, "echo 'credentials not found in native keychain' >&2; exit 1");
    CHECK_FALSE(*ask());
    tools.add(kTool, R"(echo '{"ServerURL":"","Username":"","Secret":""}')");
    CHECK_FALSE(*ask());
}

TEST_CASE("each fault of a credential helper has a message of its own, without what the helper wrote")
{
    const test::ToolBox tools;
    CHECK(ask().error().message().find("is not in the launcher's PATH") != std::string::npos);
    CHECK(fault(tools, "echo hidden; sleep 1000", 200ms).find("did not answer within") != std::string::npos);
    CHECK(fault(tools, "read -r url; read -r hidden || { echo hidden >&2; exit 7; }").find("exit code 7")
        != std::string::npos);
    CHECK(fault(tools, "read -r hidden </dev/tty && exit 0; exit 4").find("password") != std::string::npos);
    CHECK(fault(tools, "echo hidden").find("no login") != std::string::npos);
    CHECK(fault(tools, R"(echo '{"Secret":"hidden","Username":1}')").find("no login") != std::string::npos);
    CHECK(fault(tools, "while :; do echo hidden; done").find("writes more than") != std::string::npos);
    CHECK(fault(tools, "exit 1").find("try it as the launcher's user") != std::string::npos);
}
