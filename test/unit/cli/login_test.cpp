#include "common/file.h"
#include "mothership/cli/login.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <future>
#include <stdexcept>

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

    REQUIRE(::stat((home.path() / "slipway/config.json").c_str(), &info) == 0);
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
    CHECK_FALSE(std::filesystem::exists(home.path() / "slipway"));
}

TEST_CASE("a key file that others can read is refused with the remedy")
{
    const Home home;
    REQUIRE(replace_file(home.path() / "key", "slk_abc\n", Durability::process, 0640));
    const auto refused
        = login({.endpoint = "https://127.0.0.1:1", .ca_file = "", .key_file = home.path() / "key"});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message(), Contains("--key-file") && Contains("chmod 600"));
}

TEST_CASE("the account is never kept in the directory of the moment")
{
    const TempDir directory;
    ::setenv("XDG_CONFIG_HOME", "relative", 1); // NOLINT(concurrency-mt-unsafe)
    const char* const found = ::getenv("HOME"); // NOLINT(concurrency-mt-unsafe)
    const std::string home = found == nullptr ? "" : found;
    ::setenv("HOME", directory.path().c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    CHECK(account_file().value_or("") == directory.path() / ".config/slipway/config.json");
    ::unsetenv("HOME"); // NOLINT(concurrency-mt-unsafe)
    const auto nowhere = account_file();
    ::unsetenv("XDG_CONFIG_HOME"); // NOLINT(concurrency-mt-unsafe)
    if (!home.empty())
        ::setenv("HOME", home.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    REQUIRE_FALSE(nowhere);
    CHECK_THAT(nowhere.error().message(), Contains("XDG_CONFIG_HOME"));
}

namespace {

/// A terminal that stands in for standard input and standard error while it lives.
class Terminal {
public:
    Terminal()
    {
        if (::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0)
            throw std::runtime_error{"no terminal"};
        const char* const name = ::ptsname(master_.get()); // NOLINT(concurrency-mt-unsafe)
        const UniqueFd slave{::open(name, O_RDWR | O_NOCTTY)};
        ::dup2(slave.get(), STDIN_FILENO);
        ::dup2(slave.get(), STDERR_FILENO);
    }

    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    ~Terminal() { restore(); }

    void restore() const
    {
        ::dup2(input_.get(), STDIN_FILENO);
        ::dup2(errors_.get(), STDERR_FILENO);
    }

    /// What it shows, up to the end of `text`.
    [[nodiscard]] std::string shown_until(std::string_view text) const
    {
        std::string shown;
        char c = 0;
        while (!shown.ends_with(text) && ::read(master_.get(), &c, 1) == 1)
            shown += c;
        return shown;
    }

    void type(std::string_view text) const { (void)write_all(master_.get(), text); }

private:
    UniqueFd master_{::posix_openpt(O_RDWR | O_NOCTTY)};
    UniqueFd input_{::dup(STDIN_FILENO)};
    UniqueFd errors_{::dup(STDERR_FILENO)};
};

} // namespace

TEST_CASE("a key that is typed at a terminal is not shown, and one line is enough")
{
    const Home home;
    const Terminal terminal;
    auto result = std::async(std::launch::async,
        [] { return login({.endpoint = "https://127.0.0.1:1", .ca_file = "", .key_file = ""}); });
    std::string shown = terminal.shown_until("(it is not shown): ");
    terminal.type("wrong_key\n");
    shown += terminal.shown_until("\n");
    const auto refused = result.get();
    terminal.restore();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message(), Contains("starts with slk_"));
    CHECK(shown == "API key (it is not shown): \r\n");
}
