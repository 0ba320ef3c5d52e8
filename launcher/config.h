#pragma once

#include "common/log.h"
#include "common/protocol/wire.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/environment.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::launcher {

/// Which stages see a variable of the launcher.
enum class StageClass : std::uint8_t {
    every,
    read, ///< `ro_`: every stage but apply.
    write, ///< `wo_`: apply only.
};

/// A name on the allow-list.
struct AllowedName {
    std::string name;
    StageClass stages = StageClass::every;
};

/// A variable of the launcher that jobs get.
struct PassedVariable {
    std::string name;
    std::string value;
    StageClass stages = StageClass::every;
};

/// How long a stage may run and how it is stopped. All in milliseconds.
struct Limits {
    protocol::Millis run = 70 * 60'000; ///< From the first process of a stage to its last.
    protocol::Millis silence = 7 * 60'000; ///< Without a byte of output.
    protocol::Millis grace = 30'000; ///< Between INT and TERM for a stage that reads.
    protocol::Millis write_grace = 5 * 60'000; ///< The same for one that writes: terraform saves its state.
};

/// What the engine needs to know; nothing of where a value comes from.
struct EngineSettings {
    std::filesystem::path state_directory;
    int capacity = 1; ///< Jobs at once.
    Limits limits;
    std::vector<PassedVariable> passed; ///< Of the launcher's environment, for jobs.
    std::string default_image
        = "public.ecr.aws/spacelift/runner-terraform:latest"; ///< For stages that name none.
    std::string pool_id; ///< Offers for another pool are declined.
    std::string version; ///< For the registration, as the two below.
    std::string hostname;
    protocol::Metadata metadata;
    std::uint64_t log_quota = 512ULL * 1024 * 1024; ///< Of one job's output; 0: none.
    std::uint64_t least_free_bytes
        = 256ULL * 1024 * 1024; ///< Of the state directory's file system, for intake.
    std::uint64_t least_free_inodes = 1000;
    std::chrono::milliseconds reconcile_interval{5000};
    /// How long image, container and workspace of a stage may fail before it is given back.
    std::chrono::milliseconds prepare_limit{std::chrono::minutes{15}};
};

/// What an operator can set. The initialiser of a field is its default, and stands nowhere else: help, the
/// reference and --print-config show what is here.
struct Config {
    Secret token;
    Secret private_key;
    std::string comms_url;
    std::vector<AllowedName> allowed_names;
    std::string network = "bridge";
    std::string docker_host = "unix:///var/run/docker.sock";
    bool debug = false;
    LogFormat log_format = LogFormat::logfmt;
    LogLevel log_level = LogLevel::info;
    EngineSettings engine; ///< Less what `main` adds: passed, pool_id, version, hostname.
};

struct IntegerField {
    int EngineSettings::*field;
    int least;
    int most;
};

using OptionReader = Result<void> (*)(Config& config, std::string_view text);
/// For a family of variables: `suffix` is what follows the prefix.
using FamilyReader = Result<void> (*)(Config& config, std::string_view suffix, std::string_view text);

/// Where the value goes; its type decides how it is read and shown. `Millis` are written as durations.
using Field = std::variant<std::string Config::*, Secret Config::*, bool Config::*, LogLevel Config::*,
    LogFormat Config::*, std::string EngineSettings::*, std::filesystem::path EngineSettings::*,
    protocol::Millis Limits::*, IntegerField, OptionReader, FamilyReader>;

/// One row of the table from which parsing, help, --print-config and docs/reference.md are made.
struct Option {
    std::string_view variable; ///< Of a family: its prefix.
    std::string_view alias; ///< Another name of the variable; may be empty.
    std::string_view flag; ///< Without "--"; may be empty. Of a secret: names a file that holds it.
    std::string_view argument; ///< How help calls the value.
    std::string_view help;
    Field field;

    [[nodiscard]] bool is_secret() const { return std::holds_alternative<Secret Config::*>(field); }

    [[nodiscard]] bool is_family() const { return std::holds_alternative<FamilyReader>(field); }
};

/// The variables that hold secrets, for `Environment::take`.
inline constexpr std::array<std::string_view, 2> kSecretVariables{
    "SPACELIFT_TOKEN", "SPACELIFT_POOL_PRIVATE_KEY"};

// Readers of values that are more than their type says. Failures are `invalid_input`.
[[nodiscard]] Result<void> read_allow_list(Config& config, std::string_view text);
[[nodiscard]] Result<void> read_comms_url(Config& config, std::string_view text);
[[nodiscard]] Result<void> read_metadata(Config& config, std::string_view name, std::string_view value);

/// One row an option. It stands beside the fields, so that a new option is made in one place.
inline constexpr std::array kOptions{
    Option{"SPACELIFT_TOKEN", "", "token-file", "FILE",
        "The pool's token, as it was handed out when the pool was made. Required. The flag names a file that "
        "holds it.",
        &Config::token},
    Option{"SPACELIFT_POOL_PRIVATE_KEY", "", "private-key-file", "FILE",
        "The pool's private key: base64 of the whole PEM file. Required. The flag names a file with the PEM "
        "or its base64.",
        &Config::private_key},
    Option{"SPACELIFT_WORKER_COMMS_URL", "", "comms-url", "URL",
        "Address of the control plane, in place of the one in the token.", &read_comms_url},
    Option{"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "", "run-timeout", "DURATION",
        "How long a stage of a run may take from its first process to its last; then it is stopped.",
        &Limits::run},
    Option{"SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "", "logs-timeout", "DURATION",
        "How long a job may print nothing; then it is stopped.", &Limits::silence},
    Option{"SLIPWAY_STOP_GRACE", "", "stop-grace", "DURATION",
        "How long a stage that only reads may take to end when it is stopped: between INT and TERM.",
        &Limits::grace},
    Option{"SPACELIFT_METADATA_", "", "", "VALUE",
        "Tags of this worker, shown in the control plane. The part of the name after the prefix is the tag's "
        "name, its case "
        "kept.",
        &read_metadata},
    Option{"SPACELIFT_WHITELIST_ENVS", "SPACELIFT_ALLOWLIST_ENVS", "allow-envs", "NAMES",
        "Variables of the launcher that jobs get, by name, separated by commas. `ro_NAME`: every stage but "
        "apply; `wo_NAME`: "
        "apply only. Nothing else of the launcher's environment reaches a job.",
        &read_allow_list},
    Option{"SPACELIFT_WORKER_NETWORK", "", "network", "NAME", "Docker network of the job containers.",
        &Config::network},
    Option{"SPACELIFT_DEFAULT_RUNNER_IMAGE", "", "default-runner-image", "IMAGE",
        "Image of jobs whose stack names none.", &EngineSettings::default_image},
    Option{"SPACELIFT_DEBUG", "", "debug", "BOOLEAN", "`true` shows the commands of every job in its log.",
        &Config::debug},
    Option{"SLIPWAY_CAPACITY", "", "capacity", "NUMBER", "How many jobs run at once.",
        IntegerField{&EngineSettings::capacity, 1, 256}},
    Option{"SLIPWAY_STATE_DIR", "", "state-dir", "DIRECTORY",
        "Journal of what this launcher holds; one process uses it at a time. Default: `/var/lib/slipway` for "
        "root, else "
        "`$XDG_STATE_HOME/slipway` or `~/.local/state/slipway`.",
        &EngineSettings::state_directory},
    Option{"DOCKER_HOST", "", "docker-host", "ADDRESS", "Socket of the Docker Engine.", &Config::docker_host},
    Option{"SLIPWAY_LOG_FORMAT", "", "log-format", "FORMAT", "Lines on standard error: `logfmt` or `json`.",
        &Config::log_format},
    Option{"SLIPWAY_LOG_LEVEL", "", "log-level", "LEVEL", "Least level: `debug`, `info`, `warn`, `error`.",
        &Config::log_level},
};

/// Reads "A,ro_B,wo_C". Blanks around names are ignored. Fails with `invalid_input` on what is no name of a
/// variable, and on a name in `secrets`: those never leave the launcher.
[[nodiscard]] Result<std::vector<AllowedName>> read_allowed_names(
    std::string_view text, std::span<const std::string_view> secrets);

/// "https://host:port" of a server's address. Fails with `invalid_input` on another scheme, a path or a
/// query.
[[nodiscard]] Result<std::string> read_server_url(std::string_view text);

/// The allowed variables that are set, with their values.
[[nodiscard]] std::vector<PassedVariable> passed_variables(
    const std::vector<AllowedName>& names, const Environment& environment);

/// /var/lib/slipway for root; else $XDG_STATE_HOME/slipway or ~/.local/state/slipway. Fails with
/// `invalid_input` when neither variable is there.
[[nodiscard]] Result<std::string> default_state_directory(bool root, const Environment& environment);

} // namespace slipway::launcher
