#include "common/file.h"
#include "launcher/registry/registry_logins.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"
#include "test/unit/registry/tool_box.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace slipway;
using namespace slipway::launcher;

namespace {

struct Desk {
    test::TempDir directory;
    test::ManualClock clock;
    RegistrySettings settings;

    Desk()
    {
        settings.docker_config_dir = directory.path();
        settings.helper.environment = {{"PATH", "/usr/bin:/bin"}};
        settings.aws.metadata_disabled = true;
    }

    void config(std::string_view json) const
    {
        REQUIRE(replace_file(directory.path() / "config.json", json));
    }

    Result<RegistryLogin> find(std::string_view image)
    {
        RegistryLogins logins{settings, clock};
        return logins.find(*parse_image_reference(image), {});
    }
};

} // namespace

TEST_CASE("a login is read anew for each pull, and an anonymous one says why it is so")
{
    Desk desk;
    CHECK(desk.find("r.example/a")->origin.find("does not exist") != std::string::npos);
    desk.config("{}");
    CHECK(desk.find("r.example/a")->origin.find("names none for r.example") != std::string::npos);
    desk.config(R"({"auths":{"r.example":{"username":"u","password":"hidden"}}})");
    const auto login = desk.find("r.example/a");
    REQUIRE(login);
    CHECK(login->auth.reveal() == R"({"username":"u","password":"hidden","serveraddress":"r.example"})");
    CHECK(login->origin.find("as \"u\"") != std::string::npos);
    CHECK(login->origin.find("hidden") == std::string::npos);
    CHECK(desk.find("other.example/a")->auth.empty());
    desk.settings.docker_config_dir.clear();
    CHECK(
        desk.find("r.example/a")->origin.find("SPACELIFT_DOCKER_CONFIG_DIR is not set") != std::string::npos);
}

TEST_CASE("a helper goes before what is stored, and its own registry's before the one for all")
{
    Desk desk;
    const test::ToolBox tools;
    tools.add("docker-credential-one", R"(echo '{"Username":"one","Secret":"s"}')");
    tools.add("docker-credential-all", "echo 'credentials not found in native keychain'; exit 1");
    desk.config(
        R"({"credHelpers":{"r.example":"one"},"credsStore":"all","auths":{"s.example":{"username":"u","password":"p"}}})");
    CHECK(desk.find("r.example/a")->origin.find("docker-credential-one") != std::string::npos);
    CHECK(desk.find("s.example/a")->origin.find("as \"u\"") != std::string::npos);
    CHECK(desk.find("t.example/a")->origin.find("docker-credential-all has none") != std::string::npos);
}

TEST_CASE("a config.json that cannot be read or used is named, and is no fault of the image")
{
    Desk desk;
    desk.config(R"({"auths": hidden)");
    auto login = desk.find("r.example/a");
    REQUIRE_FALSE(login);
    CHECK(login.error().code() == Errc::internal);
    CHECK(
        login.error().message().find((desk.directory.path() / "config.json").string()) != std::string::npos);
    CHECK(login.error().message().find("hidden") == std::string::npos);
    std::filesystem::remove(desk.directory.path() / "config.json");
    std::filesystem::create_directory(desk.directory.path() / "config.json");
    login = desk.find("r.example/a");
    REQUIRE_FALSE(login);
    CHECK(login.error().code() == Errc::internal);
    CHECK(login.error().message().find("SPACELIFT_DOCKER_CONFIG_DIR") != std::string::npos);
}

TEST_CASE("a machine without a role says so for an Amazon registry alone")
{
    Desk desk;
    const auto login = desk.find("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a");
    REQUIRE_FALSE(login);
    CHECK(login.error().message().find("AWS_EC2_METADATA_DISABLED") != std::string::npos);
    CHECK(desk.find("r.example/a"));
}
