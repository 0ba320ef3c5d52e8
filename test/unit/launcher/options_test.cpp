#include "common/file.h"
#include "launcher/exit_codes.h"
#include "launcher/options.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/options_house.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

TEST_CASE("without any setting the documented defaults are in force", "[launcher]")
{
    const Config config = config_of({});
    CHECK(config.engine.limits.run == 70 * 60'000);
    CHECK(config.engine.limits.silence == 7 * 60'000);
    CHECK(config.engine.limits.grace == 30'000);
    CHECK(config.network == "bridge");
    CHECK(config.engine.default_image == "public.ecr.aws/spacelift/runner-terraform:latest");
    CHECK(config.engine.capacity == 1);
    CHECK(config.engine.state_directory == "/var/lib/slipway");
    CHECK(config.docker_host == "unix:///var/run/docker.sock");
    CHECK(config.log_format == LogFormat::logfmt);
    CHECK(config.log_level == LogLevel::info);
    CHECK_FALSE(config.debug);
    CHECK(config.token.empty());
    CHECK(config.private_keys.empty());
    CHECK(config.comms_url.empty());
    CHECK(config.engine.metadata.empty());
    CHECK(config.allowed_names.empty());
}

TEST_CASE("every variable reaches its field", "[launcher]")
{
    const Config config = config_of({{"SPACELIFT_TOKEN", "t"}, {"SPACELIFT_POOL_PRIVATE_KEY", "k"},
        {"SPACELIFT_WORKER_COMMS_URL", "https://host:8443/"}, {"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "1h30m"},
        {"SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "1000s"}, {"SLIPWAY_STOP_GRACE", "45s"},
        {"SPACELIFT_METADATA_asg_Id", "a=b"}, {"SPACELIFT_METADATA_", "no"},
        {"SPACELIFT_WHITELIST_ENVS", "A,ro_B"}, {"SPACELIFT_WORKER_NETWORK", "jobs"},
        {"SPACELIFT_DEFAULT_RUNNER_IMAGE", "img:1"}, {"SPACELIFT_DEBUG", "true"}, {"SLIPWAY_CAPACITY", "4"},
        {"SLIPWAY_STATE_DIR", "/s"}, {"DOCKER_HOST", "unix:///d.sock"}, {"SLIPWAY_LOG_FORMAT", "json"},
        {"SLIPWAY_LOG_LEVEL", "warn"}});
    CHECK(config.token.equals("t"));
    REQUIRE(config.private_keys.size() == 1);
    CHECK(config.private_keys[0].equals("k"));
    CHECK(config.comms_url == "https://host:8443");
    CHECK(config.engine.limits.run == 90 * 60'000);
    CHECK(config.engine.limits.silence == 1'000'000);
    CHECK(config.engine.limits.grace == 45'000);
    CHECK(config.engine.metadata == protocol::Metadata{{"asg_Id", "a=b"}});
    CHECK(config.allowed_names.size() == 2);
    CHECK(config.network == "jobs");
    CHECK(config.engine.default_image == "img:1");
    CHECK(config.debug);
    CHECK(config.engine.capacity == 4);
    CHECK(config.engine.state_directory == "/s");
    CHECK(config.docker_host == "unix:///d.sock");
    CHECK(config.log_format == LogFormat::json);
    CHECK(config.log_level == LogLevel::warn);
}

TEST_CASE("every variable of a job's container reaches its field", "[launcher]")
{
    const Config config = config_of({{"SPACELIFT_WORKER_EXTRA_MOUNTS", "/a:/b"},
        {"SPACELIFT_WORKER_RO_EXTRA_MOUNTS", "/c:/d:ro"}, {"SPACELIFT_WORKER_WO_EXTRA_MOUNTS", "/e:/d"},
        {"SLIPWAY_JOB_METADATA", "deny"}, {"SLIPWAY_JOB_MEMORY", "2GiB"}, {"SLIPWAY_JOB_CPUS", "1.5"},
        {"SLIPWAY_JOB_PIDS", "100"}, {"SLIPWAY_JOB_SHM_SIZE", "1GiB"}, {"SLIPWAY_JOB_ULIMITS", "nofile=1:2"},
        {"SLIPWAY_JOB_CAP_ADD", "SYS_PTRACE"}, {"SLIPWAY_JOB_CAP_DROP", "none"},
        {"SLIPWAY_JOB_SECURITY_OPT", "no-new-privileges"}, {"SLIPWAY_JOB_USER", "1983"},
        {"SPACELIFT_WORKER_RUNTIME", "runsc"}});
    const auto& mounts = config.engine.extra_mounts;
    REQUIRE(mounts.size() == 3);
    CHECK((mounts[0].host == "/a" && mounts[0].container == "/b" && mounts[0].stages == StageClass::every));
    CHECK((mounts[1].read_only && mounts[1].stages == StageClass::read));
    CHECK((mounts[2].host == "/e" && !mounts[2].read_only && mounts[2].stages == StageClass::write));
    CHECK(config.engine.job_metadata == JobMetadata::deny);
    const JobResources& job = config.engine.job;
    CHECK(job.memory_bytes == 2ULL << 30);
    CHECK(job.nano_cpus == 1'500'000'000);
    CHECK(job.pids == 100);
    CHECK(job.shm_bytes == 1ULL << 30);
    REQUIRE(job.ulimits.size() == 1);
    CHECK(job.cap_add == docker::Strings{"SYS_PTRACE"});
    CHECK(job.cap_drop.empty());
    CHECK(job.security_opt == docker::Strings{"no-new-privileges"});
    CHECK(job.user == "1983");
    CHECK(config.runtime == "runsc");
}

TEST_CASE("every other variable reaches its field", "[launcher]")
{
    const Config config = config_of({{"SPACELIFT_DOCKER_CONFIG_DIR", "/docker"}, {"SLIPWAY_OPA", "/bin/opa"},
        {"SLIPWAY_POLICY_TIMEOUT", "3s"}, {"SLIPWAY_METRICS_ADDRESS", "127.0.0.1:9464"},
        {"HTTP_PROXY", "http://a:1"}, {"https_proxy", "http://b:2"}, {"NO_PROXY", "c,d"},
        {"SPACELIFT_WORKER_COMMS_PROTOCOL", "poll"}, {"SLIPWAY_MASK_KNOWN_SECRETS", "false"},
        {"SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE", "ansible:1"},
        {"SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED", "true"},
        {"SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "true"},
        {"SPACELIFT_LAUNCHER_DISK_USAGE_THRESHOLD", "80%"}, {"SLIPWAY_LOG_QUOTA", "none"},
        {"SLIPWAY_LEAST_FREE_SPACE", "1GiB"}, {"SLIPWAY_LEAST_FREE_INODES", "5"},
        {"SLIPWAY_PULL", "if-missing"}, {"SLIPWAY_WARM_SLOTS", "0"}, {"SLIPWAY_SLOT_TRANSPORT", "stdio"},
        {"SLIPWAY_WRITE_STOP_GRACE", "9m"}, {"SLIPWAY_IMAGE_CLEANUP", "false"}});
    CHECK(config.docker_config_dir == "/docker");
    CHECK(config.opa == "/bin/opa");
    CHECK(config.policy_timeout == 3000);
    CHECK(config.metrics_address == "127.0.0.1:9464");
    CHECK(config.proxies.http == "http://a:1");
    CHECK(config.proxies.https == "http://b:2");
    CHECK(config.proxies.none == "c,d");
    CHECK(config.comms_protocol == "poll");
    const EngineSettings& engine = config.engine;
    CHECK_FALSE(engine.mask_patterns);
    CHECK(engine.default_ansible_image == "ansible:1");
    CHECK(engine.sensitive_outputs);
    CHECK(engine.run_logs_on_stdout);
    CHECK(engine.disk_threshold == 80);
    CHECK(engine.log_quota == 0);
    CHECK(engine.least_free_bytes == 1ULL << 30);
    CHECK(engine.least_free_inodes == 5);
    CHECK(engine.pull == Pull::if_missing);
    CHECK(engine.warm_slots == 0);
    CHECK(engine.slot_transport == SlotTransport::stdio);
    CHECK(engine.limits.write_grace == 9 * 60'000);
    CHECK_FALSE(engine.image_cleanup);
}

TEST_CASE("mounts of two variables on one target are refused where one stage would see both", "[launcher]")
{
    const auto failure = failure_of(
        {{"SPACELIFT_WORKER_EXTRA_MOUNTS", "/a:/t"}, {"SPACELIFT_WORKER_WO_EXTRA_MOUNTS", "/b:/t"}});
    CHECK(holds(failure, "SPACELIFT_WORKER_WO_EXTRA_MOUNTS"));
    CHECK(holds(failure, "/a and /b are both mounted on /t"));
}

TEST_CASE("a mapping of a private version control system needs name and endpoint", "[launcher]")
{
    const Config config = config_of({{"SPACELIFT_PRIVATEVCS_MAPPING_NAME_0", "gitlab"},
        {"SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_0", "https://gitlab.local"},
        {"SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_7", "http://bb.local:7990/x"},
        {"SPACELIFT_PRIVATEVCS_MAPPING_NAME_7", "bb"}});
    REQUIRE(config.private_vcs.size() == 2);
    CHECK(config.private_vcs[1].name == "bb");
    CHECK(config.private_vcs[1].base_endpoint == "http://bb.local:7990/x");
    CHECK(holds(failure_of({{"SPACELIFT_PRIVATEVCS_MAPPING_NAME_3", "x"}}),
        "SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_3 is not set"));
    CHECK(holds(failure_of({{"SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_3", "https://x"}}),
        "SPACELIFT_PRIVATEVCS_MAPPING_NAME_3 is not set"));
    CHECK(holds(failure_of({{"SPACELIFT_PRIVATEVCS_MAPPING_NAME_a", "x"}}), "number the mappings"));
    CHECK(holds(
        failure_of({{"SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_3", "gitlab.local"}}), "https://host"));
}

TEST_CASE("what is taken without the effect that one may expect gives a warning", "[launcher]")
{
    const auto warning_of = [](const Variables& variables) {
        const auto settings = settings_of(variables);
        REQUIRE(settings);
        REQUIRE(settings->warnings.size() == 1);
        return settings->warnings[0];
    };
    CHECK(holds(warning_of({{"SPACELIFT_WORKER_COMMS_PROTOCOL", "mqtt"}}), "polls always"));
    CHECK(holds(warning_of({{"OBSERVABILITY_VENDOR", "Datadog"}}), "SLIPWAY_METRICS_ADDRESS"));
    CHECK(holds(warning_of({{"SPCELIFT_WORKER_RUNTIME", "runsc"}}), "SPACELIFT_WORKER_RUNTIME, which"));
    CHECK(config_of({{"SPCELIFT_WORKER_RUNTIME", "runsc"}}).runtime == "runsc");
    CHECK(settings_of({{"OBSERVABILITY_VENDOR", "Disabled"}})->warnings.empty());
}

TEST_CASE("a flag of a list may be given several times", "[launcher]")
{
    const auto config
        = config_of({}, {"--extra-mounts", "/a:/b", "--extra-mounts=/c:/d", "--allow-envs", "A,B"});
    CHECK(config.engine.extra_mounts.size() == 2);
    CHECK(config.allowed_names.size() == 2);
}

TEST_CASE("several files of keys are several keys, in their order", "[launcher]")
{
    const test::TempDir directory;
    const auto one = directory.path() / "one";
    const auto two = directory.path() / "two";
    REQUIRE(replace_file(one, "1"));
    REQUIRE(replace_file(two, "2"));
    const auto config = config_of({}, {"--private-key-file", two.c_str(), "--private-key-file", one.c_str()});
    REQUIRE(config.private_keys.size() == 2);
    CHECK(config.private_keys[0].equals("2"));
    CHECK(config.private_keys[1].equals("1"));
}

TEST_CASE("no password of a proxy is shown", "[launcher]")
{
    const auto settings = settings_of({{"HTTPS_PROXY", "http://me:hush@proxy:3128"}});
    REQUIRE(settings);
    CHECK(settings->config.proxies.https == "http://me:hush@proxy:3128");
    CHECK(holds(settings_text(*settings), "http://(hidden)@proxy:3128"));
    CHECK_FALSE(holds(settings_text(*settings), "hush"));
}

TEST_CASE("an alias works like the variable, both with different values are refused", "[launcher]")
{
    CHECK(config_of({{"SPACELIFT_ALLOWLIST_ENVS", "A"}}).allowed_names.size() == 1);
    CHECK(
        config_of({{"SPACELIFT_ALLOWLIST_ENVS", "A"}, {"SPACELIFT_WHITELIST_ENVS", "A"}}).allowed_names.size()
        == 1);
    const auto failure = failure_of({{"SPACELIFT_ALLOWLIST_ENVS", "A"}, {"SPACELIFT_WHITELIST_ENVS", "B"}});
    CHECK(holds(failure, "SPACELIFT_ALLOWLIST_ENVS"));
    CHECK(holds(failure, "SPACELIFT_WHITELIST_ENVS"));
}

TEST_CASE("a flag wins over its variable, and an empty variable counts as not set", "[launcher]")
{
    CHECK(config_of({{"SPACELIFT_WORKER_NETWORK", "a"}}, {"--network", "b"}).network == "b");
    CHECK(config_of({{"SPACELIFT_WORKER_NETWORK", ""}}).network == "bridge");
    const auto settings
        = settings_of({{"SPACELIFT_WORKER_NETWORK", "a"}, {"SLIPWAY_CAPACITY", "2"}}, {"--network=b"});
    REQUIRE(settings);
    CHECK(origin_of(*settings, "SPACELIFT_WORKER_NETWORK") == "flag");
    CHECK(origin_of(*settings, "SLIPWAY_CAPACITY") == "environment");
    CHECK(origin_of(*settings, "SLIPWAY_LOG_LEVEL") == "default");
    CHECK(origin_of(*settings, "SPACELIFT_TOKEN") == "not set");
}

TEST_CASE("a relative state directory is made absolute", "[launcher]")
{
    const auto settings = settings_of({{"SLIPWAY_STATE_DIR", "a/../state"}});
    REQUIRE(settings);
    CHECK(settings->config.engine.state_directory == std::filesystem::current_path() / "state");
    CHECK(holds(settings_text(*settings), (std::filesystem::current_path() / "state").string()));
}

TEST_CASE("the help names every variable, flag and default of the table", "[launcher]")
{
    const std::string help = help_text();
    for (const auto& option : options()) {
        CHECK(holds(help, option.variable));
        CHECK(holds(help, option.alias));
        CHECK(holds(help, option.flag));
        CHECK(holds(help, default_of(option)));
    }
}

TEST_CASE("what is shown as the default of an option leads to that default when it is given", "[launcher]")
{
    const auto plain = settings_of({});
    REQUIRE(plain);
    Variables variables;
    for (const auto& option : options())
        if (const auto value = default_of(option); !value.empty())
            variables.emplace_back(option.variable, value);
    CHECK(variables.size() >= 8);
    const auto given = settings_of(variables);
    REQUIRE(given);
    for (std::size_t i = 0; i < plain->list.size(); ++i)
        CHECK(given->list[i].value == plain->list[i].value);
    CHECK(given->config.engine.limits.run == Limits{}.run);
    CHECK(given->config.engine.limits.silence == Limits{}.silence);
}

TEST_CASE("the help teaches on a terminal of 80 columns", "[launcher]")
{
    const std::string help = help_text();
    for (std::size_t at = 0; at < help.size();) {
        const auto end = help.find('\n', at);
        REQUIRE(end != std::string::npos);
        INFO(help.substr(at, end - at));
        CHECK(end - at <= 80);
        at = end + 1;
    }
    for (const auto part :
        {"Usage: slipway-launcher", "export SPACELIFT_TOKEN=$(", "export SPACELIFT_POOL_PRIVATE_KEY=$(",
            "docs/reference.md", "--print-config", "--help-markdown", "--version", "--help"})
        CHECK(holds(help, part));
    CHECK_FALSE(holds(help, "`"));
}

TEST_CASE("docs/reference.md is what the table and the exit codes say", "[launcher]")
{
    const auto file = read_file(SLIPWAY_SOURCE_DIR "/docs/reference.md", 1 << 20);
    REQUIRE(file);
    INFO("write it anew: slipway-launcher --help-markdown > docs/reference.md");
    CHECK(*file == reference_markdown());
}

TEST_CASE("the man page is what the table and the exit codes say", "[launcher]")
{
    const auto file = read_file(SLIPWAY_SOURCE_DIR "/docs/slipway-launcher.8", 1 << 20);
    REQUIRE(file);
    INFO("write it anew: slipway-launcher --help-man > docs/slipway-launcher.8");
    CHECK(*file == reference_man());
}

TEST_CASE("every variable has a flag, and every flag one variable", "[launcher]")
{
    std::set<std::string_view> flags;
    for (const auto& option : options()) {
        INFO(option.variable);
        if (option.variable != "SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_") { // Its name's flag gives both.
            CHECK_FALSE(option.flag.empty());
            CHECK(flags.insert(option.flag).second);
        }
    }
}

TEST_CASE("no exit code has two meanings", "[launcher]")
{
    std::set<int> seen;
    for (const auto& row : kExitCodes)
        CHECK(seen.insert(to_int(row.code)).second);
}

TEST_CASE(
    "token and key come from the service manager's credentials where no variable gives them", "[launcher]")
{
    const test::TempDir directory;
    REQUIRE(replace_file(directory.path() / "spacelift-token", "token", Durability::process, 0440));
    REQUIRE(replace_file(directory.path() / "pool-key", "key"));
    const std::string path = directory.path().string();
    const auto settings = settings_of({{"CREDENTIALS_DIRECTORY", path}});
    REQUIRE(settings);
    CHECK(settings->config.token.equals("token"));
    REQUIRE(settings->config.private_keys.size() == 1);
    CHECK(settings->config.private_keys[0].equals("key"));
    CHECK(origin_of(*settings, "SPACELIFT_TOKEN") == "file " + path + "/spacelift-token");
    CHECK(config_of({{"CREDENTIALS_DIRECTORY", path}, {"SPACELIFT_TOKEN", "other"}}).token.equals("other"));
    CHECK(config_of({{"CREDENTIALS_DIRECTORY", "/nowhere"}}).token.empty());
}

TEST_CASE("the commands that ask a launcher take its settings before and after them", "[launcher]")
{
    const auto parse = [](std::vector<const char*> words) {
        words.insert(words.begin(), "slipway-launcher");
        return parse_command_line(static_cast<int>(words.size()), words.data());
    };
    const auto status = parse({"--state-dir", "/a", "status", "--json"});
    REQUIRE(status);
    CHECK(status->action == Action::status);
    CHECK(status->json);
    CHECK(status->asks());
    REQUIRE(status->values.size() == 1);
    const auto drain = parse({"drain", "--wait", "--exit", "--state-dir", "/a"});
    REQUIRE(drain);
    CHECK(drain->action == Action::drain);
    CHECK((drain->wait && drain->exit));
    REQUIRE(drain->values.size() == 1);
    CHECK(drain->values[0].second == "/a");
    CHECK(parse({"why"})->action == Action::why);
    CHECK(parse({"undrain"})->action == Action::undrain);
    CHECK(parse({"drain", "--help"})->action == Action::print_help);
    CHECK(parse({"stop", "--help"})->action == Action::print_help);
    CHECK(parse({"stop", "01ARZ3NDEKTSV4RRFFQ69G5FAV"})->action == Action::stop);
    CHECK(parse({"stop"}).error().message().find("slipway-launcher status shows them") != std::string::npos);
    CHECK_FALSE(parse({})->asks());
    CHECK_FALSE(parse({"status", "--wait"}));
    CHECK_FALSE(parse({"status", "why"}));
    CHECK_FALSE(parse({"explain"}));
}
