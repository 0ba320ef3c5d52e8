#include "common/base64.h"
#include "common/file.h"
#include "launcher/vela/prepare.h"
#include "launcher/vela/script.h"
#include "test/support/process.h"
#include "test/support/seed.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <random>

using namespace slipway;
using namespace slipway::vela;

namespace {

struct Ran {
    int code = 0;
    std::string output;
};

/// Runs it as a container does, but with the shells of this machine.
Ran run_container(
    const Container& container, const std::vector<std::string>& shell, const test::TempDir& home)
{
    std::vector<std::string> argv = shell;
    argv.insert(argv.end(), container.entrypoint.begin() + 1, container.entrypoint.end());
    argv.insert(argv.end(), container.commands.begin(), container.commands.end());
    test::ProcessSpec spec{.argv = argv, .env = {}, .directory = home.path(), .log = home.path() / "errors"};
    for (const auto& [name, value] : container.environment)
        spec.env.emplace_back(name, value);
    auto process = test::Process::start(spec);
    REQUIRE(process);
    auto end = process->finish(std::chrono::seconds{20});
    REQUIRE(end);
    return {end->first, end->second};
}

Container container_with(std::vector<std::string> commands, const test::TempDir& home)
{
    Container container;
    container.commands = std::move(commands);
    container.environment = {{"VELA_NETRC_MACHINE", "scm.test"}, {"VELA_NETRC_USERNAME", "x-oauth-basic"},
        {"VELA_NETRC_PASSWORD", "p'a$s`s\\n"}, {"HOME", home.path().string()}, {"NAME", "world"}};
    apply_script(container);
    return container;
}

/// The script of a container, run by a shell of the given kind.
Ran run_script(const std::vector<std::string>& shell, const std::vector<std::string>& commands,
    const test::TempDir& home)
{
    auto container = container_with(commands, home);
    const auto script = home.path() / "script";
    REQUIRE(replace_file(script, *base64_decode(container.environment.at("VELA_BUILD_SCRIPT"))));
    container.entrypoint = {"", "-e"};
    container.commands = {script.string()};
    return run_container(container, shell, home);
}

const std::vector<std::vector<std::string>> kShells{{"/bin/dash"}, {SLIPWAY_BUSYBOX, "sh"}};

} // namespace

TEST_CASE("a step's commands become one that a shell runs")
{
    const test::TempDir home;
    const auto container = container_with({"echo hello $NAME", "echo two"}, home);
    CHECK(container.entrypoint == std::vector<std::string>{"/bin/sh", "-c"});
    CHECK(container.commands == std::vector<std::string>{"echo $VELA_BUILD_SCRIPT | base64 -d | /bin/sh -e"});
    CHECK(container.environment.at("SHELL") == "/bin/sh");
    for (const auto& shell : kShells) {
        const auto ran = run_container(container, shell, home);
        CHECK(ran.code == 0);
        CHECK(ran.output == "$ echo hello $NAME\nhello world\n$ echo two\ntwo\n");
    }
}

TEST_CASE("the trace of a command shows it and runs nothing")
{
    for (const auto& shell : kShells) {
        const test::TempDir home;
        const auto ran = run_script(shell,
            {": `touch once`; [ ! -e twice ]; mv once twice", ": 'a b' \"$(echo sub)\" \\n %s 'ü'",
                "true\n\techo two lines", ": -n -e"},
            home);
        CHECK(ran.code == 0);
        CHECK(ran.output
            == "$ : `touch once`; [ ! -e twice ]; mv once twice\n"
               "$ : 'a b' \"$(echo sub)\" \\n %s 'ü'\n"
               "$ true\\n\\techo two lines\ntwo lines\n"
               "$ : -n -e\n");
    }
}

TEST_CASE("the first command that fails ends the script with its code")
{
    for (const auto& shell : kShells) {
        const test::TempDir home;
        const auto ran = run_script(shell, {"false || true", "sh -c 'exit 7'", "echo never"}, home);
        CHECK(ran.code == 7);
        CHECK(ran.output == "$ false || true\n$ sh -c 'exit 7'\n");
        CHECK(run_container(container_with({"exit 9"}, home), shell, home).code == 9);
    }
}

TEST_CASE("the login at the source code lies in a file that is its owner's alone, and nowhere else")
{
    for (const auto& shell : kShells) {
        const test::TempDir home;
        const auto netrc = home.path() / ".netrc";
        REQUIRE(replace_file(netrc, "what was there, and is longer than what comes: ...............\n"));
        REQUIRE(::chmod(netrc.c_str(), 0644) == 0);
        const auto ran = run_script(shell, {"env", "stat -c %a .netrc"}, home);
        CHECK(ran.code == 0);
        for (const std::string name :
            {"VELA_NETRC_MACHINE", "VELA_NETRC_USERNAME", "VELA_NETRC_PASSWORD", "VELA_BUILD_SCRIPT"})
            CHECK(ran.output.find(name) == std::string::npos);
        CHECK(ran.output.ends_with("$ stat -c %a .netrc\n600\n"));
        CHECK(*read_file(netrc, 1024) == "machine scm.test\nlogin x-oauth-basic\npassword p'a$s`s\\n\n");
    }
}

TEST_CASE("a home is chosen where none is named")
{
    const auto home_of = [](const std::string& user, const Variables& variables) {
        Container container;
        container.commands = {"true"};
        container.user = user;
        container.environment = variables;
        apply_script(container);
        return container.environment.at("HOME");
    };
    CHECK(home_of("", {}) == "/root");
    CHECK(home_of("ci", {}) == "/home/ci");
    CHECK(home_of("ci", {{"HOME", "/h"}}) == "/h");
}

TEST_CASE("without commands, or with a script of an older server, nothing changes")
{
    Container plugin;
    plugin.environment = {{"A", "b"}};
    plugin.entrypoint = {"x"};
    apply_script(plugin);
    CHECK(plugin.entrypoint == std::vector<std::string>{"x"});
    CHECK(plugin.environment == Variables{{"A", "b"}});

    Container older;
    older.commands = {"true"};
    apply_script(older);
    const auto environment = older.environment;
    apply_script(older);
    CHECK(older.environment == environment);
    CHECK(older.commands == std::vector<std::string>{"echo $VELA_BUILD_SCRIPT | base64 -d | /bin/sh -e"});
}

TEST_CASE("a quoted word is read back by a shell as it was")
{
    std::mt19937 random{test::seed()};
    std::string script;
    std::string expected;
    constexpr std::string_view kAlphabet = "'\"\\$`!* \t\n;&|<>(){}[]~#%=-aü\x01\x7f\xff";
    for (int i = 0; i < 300; ++i) {
        std::string text;
        for (auto length = random() % 12; length > 0; --length)
            text += kAlphabet[random() % kAlphabet.size()];
        script += "printf '%s\\n' " + shell_word(text) + "\n";
        expected += text + "\n";
    }
    for (const auto& shell : kShells) {
        const test::TempDir home;
        Container container;
        REQUIRE(replace_file(home.path() / "script", script));
        container.entrypoint = {"", "-e"};
        container.commands = {(home.path() / "script").string()};
        CHECK(run_container(container, shell, home).output == expected);
    }
}
