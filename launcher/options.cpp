#include "launcher/options.h"

#include "common/duration.h"
#include "common/file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>

namespace slipway::launcher {

namespace {

constexpr std::array<std::string_view, 2> kSecretVariables{"SPACELIFT_TOKEN", "SPACELIFT_POOL_PRIVATE_KEY"};
constexpr std::string_view kMetadataPrefix = "SPACELIFT_METADATA_";
constexpr std::size_t kMaxSecretFileBytes = 256 * 1024;

Result<void> read_log_format(Config& config, std::string_view text)
{
    if (text == "auto")
        config.log_format = LogFormatChoice::automatic;
    else if (text == "logfmt")
        config.log_format = LogFormatChoice::logfmt;
    else if (text == "json")
        config.log_format = LogFormatChoice::json;
    else
        return Error{Errc::invalid_input, "\"" + std::string{text} + "\" is none of auto, logfmt, json"};
    return {};
}

Result<void> read_log_level(Config& config, std::string_view text)
{
    constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
    const auto found = std::ranges::find(names, text);
    if (found == names.end())
        return Error{
            Errc::invalid_input, "\"" + std::string{text} + "\" is none of debug, info, warn, error"};
    config.log_level = static_cast<LogLevel>(found - names.begin());
    return {};
}

Result<void> read_allow_list(Config& config, std::string_view text)
{
    config.allowed_names = SLIPWAY_TRY(read_allowed_names(text, kSecretVariables));
    return {};
}

Result<void> read_comms_url(Config& config, std::string_view text)
{
    if (!text.starts_with("https://") || text.size() == 8)
        return Error{Errc::invalid_input,
            "\"" + std::string{text}
                + "\" is no address of a server: give https://host or https://host:port"};
    config.comms_url = text;
    while (config.comms_url.ends_with('/'))
        config.comms_url.pop_back();
    return {};
}

void read_metadata(Config& config, std::string_view name, std::string_view value)
{
    if (!name.empty())
        config.metadata.emplace_back(name, value);
}

// One row an option. A new one is added here and as a field of Config.
constexpr std::array kOptions{
    Option{"SPACELIFT_TOKEN", "", "token-file", "FILE", "",
        "The pool's token, as it was handed out when the pool was made. Required. The flag names a file that "
        "holds it.",
        &Config::token},
    Option{"SPACELIFT_POOL_PRIVATE_KEY", "", "private-key-file", "FILE", "",
        "The pool's private key: base64 of the whole PEM file. Required. The flag names a file with the PEM "
        "or its base64.",
        &Config::private_key},
    Option{"SPACELIFT_WORKER_COMMS_URL", "", "comms-url", "URL", "",
        "Address of the control plane, in place of the one in the token.", &read_comms_url},
    Option{"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "", "run-timeout", "DURATION", "70m",
        "How long a stage of a run may take from its first process to its last; then it is stopped.",
        &Config::run_limit},
    Option{"SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "", "logs-timeout", "DURATION", "7m",
        "How long a job may print nothing; then it is stopped.", &Config::silence_limit},
    Option{kMetadataPrefix, "", "", "VALUE", "",
        "Tags of this worker, shown in the control plane. The part of the name after the prefix is the tag's "
        "name, its case "
        "kept.",
        &read_metadata},
    Option{"SPACELIFT_WHITELIST_ENVS", "SPACELIFT_ALLOWLIST_ENVS", "allow-envs", "NAMES", "",
        "Variables of the launcher that jobs get, by name, separated by commas. `ro_NAME`: every stage but "
        "apply; `wo_NAME`: "
        "apply only. Nothing else of the launcher's environment reaches a job.",
        &read_allow_list},
    Option{"SPACELIFT_WORKER_NETWORK", "", "network", "NAME", "bridge",
        "Docker network of the job containers.", &Config::network},
    Option{"SPACELIFT_DEFAULT_RUNNER_IMAGE", "", "default-runner-image", "IMAGE",
        "public.ecr.aws/spacelift/runner-terraform:latest", "Image of jobs whose stack names none.",
        &Config::default_image},
    Option{"SPACELIFT_DEBUG", "", "debug", "BOOLEAN", "false",
        "`true` shows the commands of every job in its log.", &Config::debug},
    Option{"SLIPWAY_CAPACITY", "", "capacity", "NUMBER", "1", "How many jobs run at once.",
        IntegerField{&Config::capacity, 1, 256}},
    Option{"SLIPWAY_STATE_DIR", "", "state-dir", "DIRECTORY", "",
        "Journal of what this launcher holds; one process uses it at a time. Default: `/var/lib/slipway` for "
        "root, else "
        "`$XDG_STATE_HOME/slipway` or `~/.local/state/slipway`.",
        &Config::state_directory},
    Option{"DOCKER_HOST", "", "docker-host", "ADDRESS", "unix:///var/run/docker.sock",
        "Socket of the Docker Engine.", &Config::docker_host},
    Option{"SLIPWAY_LOG_FORMAT", "", "log-format", "FORMAT", "auto",
        "Lines on standard error: `logfmt`, `json`, or `auto` (logfmt on a terminal, else json).",
        &read_log_format},
    Option{"SLIPWAY_LOG_LEVEL", "", "log-level", "LEVEL", "info",
        "Least level: `debug`, `info`, `warn`, `error`.", &read_log_level},
};

/// Reads a value by the type of its field.
struct Store {
    Config& config;
    std::string_view text;

    Result<void> operator()(std::string Config::*field) const
    {
        config.*field = text;
        return {};
    }

    Result<void> operator()(Secret Config::*field) const
    {
        config.*field = Secret{text};
        return {};
    }

    Result<void> operator()(std::chrono::nanoseconds Config::*field) const
    {
        const auto duration = parse_duration(text);
        if (!duration || *duration <= std::chrono::nanoseconds::zero())
            return Error{Errc::invalid_input,
                "\"" + std::string{text}
                    + "\" is no duration above zero: give a number with a unit, such as 90s, 70m or 1h30m"};
        config.*field = *duration;
        return {};
    }

    Result<void> operator()(bool Config::*field) const
    {
        if (text != "true" && text != "false")
            return Error{Errc::invalid_input, "\"" + std::string{text} + "\" is neither true nor false"};
        config.*field = text == "true";
        return {};
    }

    Result<void> operator()(IntegerField integer) const
    {
        int value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failure != std::errc{} || end != text.data() + text.size() || value < integer.least
            || value > integer.most)
            return Error{Errc::invalid_input,
                "\"" + std::string{text} + "\" is no whole number from " + std::to_string(integer.least)
                    + " to " + std::to_string(integer.most)};
        config.*integer.field = value;
        return {};
    }

    Result<void> operator()(OptionReader reader) const { return reader(config, text); }

    Result<void> operator()(FamilyReader /*reader*/) const { return {}; }
};

/// A text value and the name under which it was given.
struct Given {
    std::string text;
    std::string name;
    std::string origin;
};

Result<std::optional<Given>> from_environment(const Option& option, const Environment& environment)
{
    const auto value = environment.find(option.variable);
    const auto other = option.alias.empty() ? std::nullopt : environment.find(option.alias);
    if (value && other && *value != *other)
        return Error{Errc::invalid_input,
            std::string{option.variable} + " and " + std::string{option.alias}
                + " are the same setting and have different values: keep one of them"};
    if (value)
        return Given{std::string{*value}, std::string{option.variable}, "environment"};
    if (other)
        return Given{std::string{*other}, std::string{option.alias}, "environment"};
    return std::nullopt;
}

Result<std::optional<Given>> given_value(
    const Option& option, const CommandLine& command_line, const Environment& environment)
{
    const auto flag
        = std::ranges::find(command_line.values, &option, &std::pair<const Option*, std::string>::first);
    if (flag != command_line.values.end())
        return Given{flag->second, "--" + std::string{option.flag}, "flag"};
    if (auto value = SLIPWAY_TRY(from_environment(option, environment)))
        return value;
    if (!option.fallback.empty())
        return Given{std::string{option.fallback}, std::string{option.variable}, "default"};
    return std::nullopt;
}

Result<Setting> read_secret(
    Config& config, const Option& option, const CommandLine& command_line, const Environment& environment)
{
    const auto field = std::get<Secret Config::*>(option.field);
    const auto flag
        = std::ranges::find(command_line.values, &option, &std::pair<const Option*, std::string>::first);
    if (flag != command_line.values.end()) {
        auto text = read_file(flag->second, kMaxSecretFileBytes);
        if (!text)
            return Error{
                Errc::invalid_input, "--" + std::string{option.flag} + ": " + text.error().message()};
        config.*field = Secret::take(*text);
        return Setting{std::string{option.variable}, "(secret)", "file " + flag->second};
    }
    config.*field = environment.secret(option.variable);
    const bool set = !(config.*field).empty();
    return Setting{std::string{option.variable}, set ? "(secret)" : "", set ? "environment" : "not set"};
}

void read_family(Settings& settings, const Option& option, const Environment& environment)
{
    for (const auto& [name, value] : environment.variables()) {
        if (!name.starts_with(option.variable) || name.size() == option.variable.size())
            continue;
        std::get<FamilyReader>(option.field)(
            settings.config, std::string_view{name}.substr(option.variable.size()), value);
        settings.list.push_back({name, value, "environment"});
    }
}

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::optional<std::string> warning_about(std::string_view name)
{
    constexpr std::size_t close = 4;
    if (!name.starts_with("SPACELIFT_") && !name.starts_with("SLIPWAY_") && !name.starts_with("SPCELIFT_"))
        return std::nullopt;
    std::string_view nearest;
    std::size_t least = close;
    for (const auto& option : kOptions) {
        if (option.is_family() && name.starts_with(option.variable))
            return std::nullopt;
        for (const auto known : {option.variable, option.alias}) {
            if (known == name)
                return std::nullopt;
            if (const auto distance = edit_distance(known, name); !known.empty() && distance < least) {
                least = distance;
                nearest = known;
            }
        }
    }
    std::string text = std::string{name} + " is not known to this version and has no effect";
    if (!nearest.empty())
        text += "; did you mean " + std::string{nearest} + "?";
    return text;
}

} // namespace

std::span<const Option> options() { return kOptions; }

std::span<const std::string_view> secret_variables() { return kSecretVariables; }

Result<Settings> read_settings(const CommandLine& command_line, const Environment& environment, bool root)
{
    Settings settings;
    for (const auto& option : kOptions) {
        if (option.is_secret()) {
            settings.list.push_back(
                SLIPWAY_TRY(read_secret(settings.config, option, command_line, environment)));
        } else if (option.is_family()) {
            read_family(settings, option, environment);
        } else if (const auto given = SLIPWAY_TRY(given_value(option, command_line, environment))) {
            SLIPWAY_TRY(in(given->name, std::visit(Store{settings.config, given->text}, option.field)));
            settings.list.push_back({std::string{option.variable}, given->text, given->origin});
        } else {
            settings.list.push_back({std::string{option.variable}, "", "not set"});
        }
    }
    if (settings.config.state_directory.empty()) {
        settings.config.state_directory = SLIPWAY_TRY(default_state_directory(root, environment));
        const auto entry = std::ranges::find(settings.list, "SLIPWAY_STATE_DIR", &Setting::name);
        *entry = {entry->name, settings.config.state_directory, "default"};
    }
    for (const auto& [name, value] : environment.variables())
        if (auto warning = warning_about(name))
            settings.warnings.push_back(*std::move(warning));
    return settings;
}

} // namespace slipway::launcher
