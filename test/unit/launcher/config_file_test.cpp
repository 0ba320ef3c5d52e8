#include "common/file.h"
#include "launcher/config_file.h"
#include "launcher/options.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// A directory with one configuration file.
struct Scene {
    test::TempDir directory;
    std::filesystem::path file = directory.path() / "launcher.toml";

    explicit Scene(std::string_view text, mode_t mode = 0600)
    {
        REQUIRE(replace_file(file, text, Durability::process, mode));
    }

    /// As if the file was at the default place.
    [[nodiscard]] Result<Settings> settings(
        const Variables& variables = {}, std::vector<const char*> flags = {}) const
    {
        flags.insert(flags.begin(), "slipway-launcher");
        const auto line = SLIPWAY_TRY(parse_command_line(static_cast<int>(flags.size()), flags.data()));
        const std::string path = file.string();
        const std::vector<std::string_view> defaults{"/nowhere/launcher.toml", path};
        return read_settings(line, Environment::of(variables, kSecretVariables), true, defaults);
    }

    [[nodiscard]] std::string failure() const
    {
        const auto result = settings();
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == Errc::invalid_input);
        CHECK(holds(result.error().message(), file.string()));
        return result.error().message();
    }
};

Setting shown(const Settings& settings, std::string_view name)
{
    const auto found = std::ranges::find(settings.list, name, &Setting::name);
    REQUIRE(found != settings.list.end());
    return *found;
}

} // namespace

TEST_CASE(
    "a configuration file sets what no flag and no variable sets, and each origin is shown", "[launcher]")
{
    const Scene scene{R"(# what this host does
capacity = 4
network = "from file"   # quoted for its blank
run-timeout = 30m
allow-envs = ["A", "ro_B"]
debug = true
no-proxy = "a.local,b.local"

[metadata]
site = "Berlin, north"
asg.id = "i-1"

[private-vcs]
gitlab = "https://gitlab.local"
)"};
    const auto settings = scene.settings({{"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "40m"},
                                             {"SLIPWAY_CAPACITY", "3"}, {"SPACELIFT_METADATA_site", "env"}},
        {"--capacity=2"});
    INFO((settings ? "" : settings.error().message()));
    REQUIRE(settings);
    const Config& config = settings->config;
    CHECK(config.engine.capacity == 2);
    CHECK(config.engine.limits.run == 40 * 60'000);
    CHECK(config.network == "from file");
    CHECK(config.debug);
    CHECK(config.allowed_names.size() == 2);
    CHECK(config.proxies.none == "a.local,b.local");
    CHECK(config.engine.metadata == protocol::Metadata{{"site", "env"}, {"asg.id", "i-1"}});
    REQUIRE(config.private_vcs.size() == 1);
    CHECK(config.private_vcs[0].base_endpoint == "https://gitlab.local");
    CHECK(shown(*settings, "SLIPWAY_CAPACITY").origin == "flag");
    CHECK(shown(*settings, "SPACELIFT_LAUNCHER_RUN_TIMEOUT").origin == "environment");
    CHECK(shown(*settings, "SPACELIFT_WORKER_NETWORK").origin == "file " + scene.file.string());
    CHECK(shown(*settings, "SLIPWAY_LOG_LEVEL").origin == "default");
    CHECK(shown(*settings, "SLIPWAY_CONFIG").value == scene.file.string());
}

TEST_CASE("the file that a flag or variable names is read instead, and must be there", "[launcher]")
{
    const Scene scene{"capacity = 4\n"};
    const Scene other{"capacity = 5\n"};
    const auto by_variable = scene.settings({{"SLIPWAY_CONFIG", other.file.string()}});
    REQUIRE(by_variable);
    CHECK(by_variable->config.engine.capacity == 5);
    CHECK(by_variable->warnings.empty());
    const auto by_flag = scene.settings({{"SLIPWAY_CONFIG", "/nowhere"}}, {"--config", other.file.c_str()});
    REQUIRE(by_flag);
    CHECK(by_flag->config.engine.capacity == 5);
    const auto missing = scene.settings({}, {"--config", "/nowhere/x.toml"});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message().starts_with("--config: "));
    CHECK(holds(missing.error().message(), "/nowhere/x.toml"));
}

TEST_CASE("an unknown key is an error with the nearest one", "[launcher]")
{
    CHECK(
        holds(Scene{"netwrok = x\n"}.failure(), "netwrok: there is no such setting; did you mean network?"));
    CHECK(holds(Scene{"[metdata]\na = b\n"}.failure(), "did you mean metadata?"));
    CHECK(holds(Scene{"metadata = x\n"}.failure(), "it is a section"));
    CHECK(holds(Scene{"[network]\na = b\n"}.failure(), "it is a setting and no section"));
    CHECK(holds(Scene{"config = x\n"}.failure(), "no such setting"));
}

TEST_CASE("a wrong value of the file names the file and the key", "[launcher]")
{
    CHECK(holds(Scene{"capacity = many\n"}.failure(), "capacity: \"many\" is no whole number"));
    CHECK(holds(Scene{"network = a, b\n"}.failure(), "network: it has 2 values and takes one"));
    CHECK(holds(Scene{std::string_view{"capacity = 1\0", 13}}.failure(), "zero byte"));
}

TEST_CASE(
    "secrets of the file are taken when the file is private, and refused with the remedy else", "[launcher]")
{
    const std::string text = "token = \"hush-token\"\nprivate-key = [\"hush-1\", \"hush-2\"]\n";
    const auto settings = Scene{text}.settings();
    REQUIRE(settings);
    CHECK(settings->config.token.equals("hush-token"));
    REQUIRE(settings->config.private_keys.size() == 2);
    CHECK(settings->config.private_keys[1].equals("hush-2"));
    CHECK_FALSE(holds(settings_text(*settings), "hush"));
    CHECK(holds(shown(*settings, "SPACELIFT_POOL_PRIVATE_KEY").value, "2 keys"));
    const Scene open{text, 0640};
    const auto failure = open.failure();
    CHECK(holds(failure, "chmod 600 " + open.file.string()));
    CHECK_FALSE(holds(failure, "hush"));
    CHECK(Scene{"capacity = 2\n", 0644}.settings());
}

TEST_CASE("the file may name the files of secrets", "[launcher]")
{
    const test::TempDir directory;
    const auto key = directory.path() / "key";
    REQUIRE(replace_file(key, "hush"));
    const auto settings = Scene{"private-key-file = \"" + key.string() + "\"\n", 0644}.settings();
    REQUIRE(settings);
    REQUIRE(settings->config.private_keys.size() == 1);
    CHECK(shown(*settings, "SPACELIFT_POOL_PRIVATE_KEY").origin == "file " + key.string());
}

TEST_CASE("flags of families take names and values", "[launcher]")
{
    const Scene scene{""};
    const auto settings = scene.settings({{"SPACELIFT_METADATA_a", "env"}, {"SPACELIFT_METADATA_b", "env"}},
        {"--metadata", "a=1=2", "--metadata=c=3", "--private-vcs", "gitlab=https://gitlab.local/x"});
    REQUIRE(settings);
    CHECK(settings->config.engine.metadata == protocol::Metadata{{"a", "1=2"}, {"c", "3"}, {"b", "env"}});
    REQUIRE(settings->config.private_vcs.size() == 1);
    CHECK(settings->config.private_vcs[0].name == "gitlab");
    const auto wrong = scene.settings({}, {"--metadata", "novalue"});
    REQUIRE_FALSE(wrong);
    CHECK(holds(wrong.error().message(), "NAME=VALUE"));
}
