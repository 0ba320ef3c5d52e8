#include "common/file.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/options_house.h"

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

TEST_CASE("a wrong value is refused with the variable, the value and what is expected", "[launcher]")
{
    struct Case {
        std::string variable;
        std::string value;
        std::string expected;
    };

    const auto& [variable, value, expected] = GENERATE(values<Case>({
        {"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "70", "unit"},
        {"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "0", "above zero"},
        {"SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "-7m", "above zero"},
        {"SLIPWAY_CAPACITY", "0", "from 1 to 256"},
        {"SLIPWAY_CAPACITY", "2x", "from 1 to 256"},
        {"SLIPWAY_CAPACITY", "99999999999", "from 1 to 256"},
        {"SPACELIFT_DEBUG", "yes", "true nor false"},
        {"SLIPWAY_LOG_FORMAT", "xml", "logfmt, json"},
        {"SLIPWAY_LOG_LEVEL", "loud", "debug, info, warn, error"},
        {"SPACELIFT_WORKER_COMMS_URL", "http://host", "https://host"},
        {"SPACELIFT_WORKER_COMMS_URL", "https://host/path", "https://host"},
        {"SPACELIFT_WORKER_COMMS_URL", "https://host?q", "https://host"},
        {"SPACELIFT_WORKER_COMMS_URL", "https://", "https://host"},
        {"SPACELIFT_ALLOWLIST_ENVS", "A=1", "names without values"},
        {"SPACELIFT_WORKER_EXTRA_MOUNTS", "/a", "/path/on/the/host"},
        {"SPACELIFT_WORKER_COMMS_PROTOCOL", "smtp", "poll, mqtt"},
        {"OBSERVABILITY_VENDOR", "Other", "Datadog"},
        {"SLIPWAY_LOG_QUOTA", "half", "512MiB"},
        {"SLIPWAY_JOB_METADATA", "perhaps", "allow, deny"},
        {"SLIPWAY_PULL", "sometimes", "always, if-missing, never"},
        {"SLIPWAY_SLOT_TRANSPORT", "pigeon", "auto, socket, stdio"},
        {"SLIPWAY_WARM_SLOTS", "-1", "from 0 to 256"},
    }));
    const auto failure = failure_of({{variable, value}});
    INFO(failure);
    CHECK(holds(failure, variable));
    CHECK(holds(failure, value));
    CHECK(holds(failure, expected));
}

TEST_CASE("an allow-list that names the token or the key is refused", "[launcher]")
{
    const auto name = GENERATE(as<std::string>{}, "SPACELIFT_TOKEN", "SPACELIFT_POOL_PRIVATE_KEY");
    CHECK(holds(failure_of({{"SPACELIFT_WHITELIST_ENVS", "A," + name}}), name + ", which is never passed"));
    CHECK(holds(failure_of({}, {"--allow-envs", ("ro_" + name).c_str()}), "--allow-envs"));
}

TEST_CASE("a wrong command line is refused and points to the help", "[launcher]")
{
    CHECK(holds(failure_of({}, {"--no-such-flag"}), "--help"));
    CHECK(holds(failure_of({}, {"--netwrok", "x"}), "did you mean --network?"));
    CHECK(holds(failure_of({}, {"--capcity=2"}), "did you mean --capacity?"));
    CHECK_FALSE(holds(failure_of({}, {"--no-such-flag"}), "did you mean"));
    CHECK_FALSE(holds(failure_of({}, {"--no-such-flag=hush"}), "hush"));
    CHECK(holds(failure_of({}, {"--capacity", "two"}), "--capacity"));
    CHECK(holds(failure_of({}, {"--capacity", "1", "--capacity", "2"}), "--capacity"));
    CHECK(holds(failure_of({}, {"surplus"}), "surplus"));
}

TEST_CASE("a secret can come from a file, and is never printed", "[launcher]")
{
    const test::TempDir directory;
    const auto file = directory.path() / "token";
    REQUIRE(replace_file(file, "from-file"));
    const auto settings
        = settings_of({{"SPACELIFT_TOKEN", "from-variable"}, {"SPACELIFT_POOL_PRIVATE_KEY", "hush"}},
            {"--token-file", file.c_str()});
    REQUIRE(settings);
    CHECK(settings->config.token.equals("from-file"));
    const std::string text = settings_text(*settings);
    CHECK(holds(text, "(secret)"));
    CHECK_FALSE(holds(text, "from-file"));
    CHECK_FALSE(holds(text, "from-variable"));
    CHECK_FALSE(holds(text, "hush"));
    CHECK(holds(failure_of({}, {"--token-file", "/nowhere/token"}), "--token-file"));
}

TEST_CASE("a file of a secret that others can use is refused with the remedy", "[launcher]")
{
    const test::TempDir directory;
    const auto file = directory.path() / "key";
    const auto mode = GENERATE(mode_t{0640}, mode_t{0604}, mode_t{0660});
    REQUIRE(replace_file(file, "hush", Durability::process, mode));
    const auto failure = failure_of({}, {"--private-key-file", file.c_str()});
    CHECK(failure.starts_with("--private-key-file: "));
    CHECK(holds(failure, "chmod 600 " + file.string()));
    REQUIRE(replace_file(file, "hush", Durability::process, 0400));
    const auto config = config_of({}, {"--private-key-file", file.c_str()});
    REQUIRE(config.private_keys.size() == 1);
    CHECK(config.private_keys[0].equals("hush"));
}

TEST_CASE("no password in an address is repeated", "[launcher]")
{
    CHECK_FALSE(holds(failure_of({{"SPACELIFT_WORKER_COMMS_URL", "https://me:hush@host"}}), "hush"));
}

TEST_CASE("an allowed variable that is not set gives a warning", "[launcher]")
{
    const auto settings = settings_of({{"SPACELIFT_WHITELIST_ENVS", "A,ro_B,C"}, {"A", "1"}, {"C", ""}});
    REQUIRE(settings);
    REQUIRE(settings->warnings.size() == 1);
    CHECK(settings->warnings[0] == "SPACELIFT_WHITELIST_ENVS names B, which is not set: no job gets it");
}

TEST_CASE("more tags than the control plane takes are refused at the start", "[launcher]")
{
    Variables variables;
    for (int i = 0; i < 100; ++i)
        variables.emplace_back("SPACELIFT_METADATA_t" + std::to_string(i), "x");
    CHECK(config_of(variables).engine.metadata.size() == 100);
    variables.emplace_back("SPACELIFT_METADATA_last", "x");
    const auto failure = failure_of(variables);
    CHECK(holds(failure, "SPACELIFT_METADATA_last"));
    CHECK(holds(failure, "at most 100"));
    CHECK(config_of({{"SPACELIFT_METADATA_a", std::string(4096, 'x')}}).engine.metadata.size() == 1);
    CHECK(holds(
        failure_of({{"SPACELIFT_METADATA_a", std::string(4097, 'x')}}), "SPACELIFT_METADATA_a: a tag's"));
    CHECK(holds(failure_of({{"SPACELIFT_METADATA_" + std::string(257, 'x'), "x"}}), "256 bytes"));
}

TEST_CASE("a variable that looks like ours and is not gives a warning with the nearest name", "[launcher]")
{
    const auto settings = settings_of({{"SPACELIFT_WORKER_NETWROK", "x"},
        {"SPACELIFT_NOBODY_KNOWS_THIS_ONE", "x"}, {"SLIPWAY_CAPACITI", "3"}, {"SPACELIFT_METADATA_x", "fine"},
        {"UNRELATED", "x"}, {"SPACELIFT_TOKEN", "x"}});
    REQUIRE(settings);
    REQUIRE(settings->warnings.size() == 3);
    CHECK(holds(settings->warnings[0], "did you mean SPACELIFT_WORKER_NETWORK?"));
    CHECK(holds(settings->warnings[1], "SPACELIFT_NOBODY_KNOWS_THIS_ONE"));
    CHECK_FALSE(holds(settings->warnings[1], "did you mean"));
    CHECK(holds(settings->warnings[2], "did you mean SLIPWAY_CAPACITY?"));
}

TEST_CASE("a slip of a variable that protects is refused", "[launcher]")
{
    const auto [name, meant] = GENERATE(table<std::string, std::string>({{"SPACELIFT_MASK_ENV",
                                                                             "SPACELIFT_MASK_ENVS"},
        {"SPACELIFT_LAUNCHER_RUN_INITIALISATION_POLICY", "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY"}}));
    CHECK(holds(failure_of({{name, "x"}}), "did you mean " + meant + "?"));
    CHECK(settings_of({{name, ""}}));
}

TEST_CASE("names of variables to be masked are read as a list", "[launcher]")
{
    CHECK(
        config_of({{"SPACELIFT_MASK_ENVS", "A, B"}}).engine.mask_names == std::vector<std::string>{"A", "B"});
}
