#include "common/file.h"
#include "mothership/cli/login.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <cstdlib>

using namespace slipway;
using namespace slipway::cli;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

/// Commands read and write their account below this directory.
class Home {
public:
    Home() { ::setenv("XDG_CONFIG_HOME", directory_.path().c_str(), 1); } // NOLINT(concurrency-mt-unsafe)

    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;

    ~Home() { ::unsetenv("XDG_CONFIG_HOME"); } // NOLINT(concurrency-mt-unsafe)

    [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

private:
    TempDir directory_;
};

} // namespace

TEST_CASE("an account is kept for its owner alone and read back")
{
    const Home home;
    REQUIRE(save_account({.endpoint = "https://h:1", .ca_pem = "pem\n", .api_key = Secret{"slk_x"}}));
    const auto account = load_account();
    REQUIRE(account);
    CHECK(account->endpoint == "https://h:1");
    CHECK(account->ca_pem == "pem\n");
    CHECK(account->api_key.equals("slk_x"));

    struct stat info { };

    REQUIRE(::stat(account_file().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
}

TEST_CASE("without a login the error is the command to type")
{
    const Home home;
    const auto account = load_account();
    REQUIRE_FALSE(account);
    CHECK_THAT(account.error().message(), Contains("slipway login --endpoint"));
}

TEST_CASE("a login that cannot work stores nothing and names its option")
{
    const Home home;
    REQUIRE(replace_file(home.path() / "key", "not a key\n"));
    const auto wrong_key
        = login({.endpoint = "https://127.0.0.1:1", .ca_file = "", .key_file = home.path() / "key"});
    REQUIRE_FALSE(wrong_key);
    CHECK_THAT(wrong_key.error().message(), Contains("--key-file"));
    REQUIRE(replace_file(home.path() / "key", "slk_abc\n"));
    const auto plain
        = login({.endpoint = "http://127.0.0.1:1", .ca_file = "", .key_file = home.path() / "key"});
    REQUIRE_FALSE(plain);
    CHECK_THAT(plain.error().message(), Contains("https://"));
    const auto nobody
        = login({.endpoint = "https://127.0.0.1:1/", .ca_file = "", .key_file = home.path() / "key"});
    REQUIRE_FALSE(nobody);
    CHECK_THAT(nobody.error().message(), Contains("cannot be reached"));
    CHECK_FALSE(std::filesystem::exists(account_file()));
}
