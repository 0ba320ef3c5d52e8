#include "launcher/options.h"

#include "common/duration.h"
#include "common/file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <optional>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxSecretFileBytes = 256 * 1024;

constexpr std::array<std::pair<std::string_view, LogFormat>, 2> kLogFormats{
    {{"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}};
constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLogLevels{{{"debug", LogLevel::debug},
    {"info", LogLevel::info}, {"warn", LogLevel::warn}, {"error", LogLevel::error}}};

std::string quoted(std::string_view text) { return "\"" + std::string{text} + "\""; }

Result<void> read_value(std::string_view text, std::string& value)
{
    value = text;
    return {};
}

Result<void> read_value(std::string_view text, std::filesystem::path& value)
{
    value = text;
    return {};
}

Result<void> read_value(std::string_view text, Secret& value)
{
    value = Secret{text};
    return {};
}

Result<void> read_value(std::string_view text, bool& value)
{
    if (text != "true" && text != "false")
        return Error{Errc::invalid_input, quoted(text) + " is neither true nor false"};
    value = text == "true";
    return {};
}

Result<void> read_value(std::string_view text, protocol::Millis& value)
{
    const auto duration = parse_duration(text);
    if (!duration || *duration <= std::chrono::nanoseconds::zero())
        return Error{Errc::invalid_input,
            quoted(text)
                + " is no duration above zero: give a number with a unit, such as 90s, 70m or 1h30m"};
    value = std::chrono::ceil<std::chrono::milliseconds>(*duration).count();
    return {};
}

template <class T, std::size_t N>
Result<void> read_choice(
    std::string_view text, T& value, const std::array<std::pair<std::string_view, T>, N>& names)
{
    std::string known;
    for (const auto& [name, meaning] : names) {
        if (name == text) {
            value = meaning;
            return {};
        }
        known += (known.empty() ? "" : ", ") + std::string{name};
    }
    return Error{Errc::invalid_input, quoted(text) + " is none of " + known};
}

Result<void> read_value(std::string_view text, LogFormat& value)
{
    return read_choice(text, value, kLogFormats);
}

Result<void> read_value(std::string_view text, LogLevel& value)
{
    return read_choice(text, value, kLogLevels);
}

std::string text_of(const std::string& value) { return value; }

std::string text_of(const std::filesystem::path& value) { return value.string(); }

std::string text_of(const Secret& /*never shown*/) { return {}; }

std::string text_of(bool value) { return value ? "true" : "false"; }

/// As a person writes it: "70m", not "1h10m0s".
std::string text_of(protocol::Millis value)
{
    constexpr protocol::Millis minute = 60'000;
    return value % minute == 0 ? std::to_string(value / minute) + "m"
                               : format_duration(std::chrono::milliseconds{value});
}

std::string text_of(LogFormat value)
{
    return std::string{
        std::ranges::find(kLogFormats, value, [](const auto& row) { return row.second; })->first};
}

std::string text_of(LogLevel value)
{
    return std::string{
        std::ranges::find(kLogLevels, value, [](const auto& row) { return row.second; })->first};
}

template <class T> T& target(Config& config, T Config::*field) { return config.*field; }

template <class T> T& target(Config& config, T EngineSettings::*field) { return config.engine.*field; }

template <class T> T& target(Config& config, T Limits::*field) { return config.engine.limits.*field; }

/// Reads a value by the type of its field.
struct Store {
    Config& config;
    std::string_view text;

    template <class T, class Owner> Result<void> operator()(T Owner::*field) const
    {
        return read_value(text, target(config, field));
    }

    Result<void> operator()(IntegerField integer) const
    {
        int value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failure != std::errc{} || end != text.data() + text.size() || value < integer.least
            || value > integer.most)
            return Error{Errc::invalid_input,
                quoted(text) + " is no whole number from " + std::to_string(integer.least) + " to "
                    + std::to_string(integer.most)};
        target(config, integer.field) = value;
        return {};
    }

    Result<void> operator()(OptionReader reader) const { return reader(config, text); }

    Result<void> operator()(FamilyReader /*reader*/) const { return {}; }
};

/// Shows what a field holds.
struct Show {
    Config& config;

    template <class T, class Owner> std::string operator()(T Owner::*field) const
    {
        return text_of(target(config, field));
    }

    std::string operator()(IntegerField integer) const
    {
        return std::to_string(target(config, integer.field));
    }

    std::string operator()(OptionReader /*reader*/) const { return {}; }

    std::string operator()(FamilyReader /*reader*/) const { return {}; }
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
    return std::nullopt;
}

/// A file that others can read is no place for a secret.
Result<Secret> read_secret_file(const std::string& path)
{
    struct stat info { };

    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)
        && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return Error{Errc::invalid_input,
            path + " can be used by others than its owner: make it private (chmod 600 " + path + ")"};
    auto text = read_file(path, kMaxSecretFileBytes);
    if (!text)
        return Error{Errc::invalid_input, text.error().message()};
    return Secret::take(*text);
}

Result<Setting> read_secret(
    Config& config, const Option& option, const CommandLine& command_line, const Environment& environment)
{
    const auto field = std::get<Secret Config::*>(option.field);
    const auto flag
        = std::ranges::find(command_line.values, &option, &std::pair<const Option*, std::string>::first);
    if (flag != command_line.values.end()) {
        config.*field = SLIPWAY_TRY(in("--" + std::string{option.flag}, read_secret_file(flag->second)));
        return Setting{std::string{option.variable}, "(secret)", "file " + flag->second};
    }
    config.*field = environment.secret(option.variable);
    const bool set = !(config.*field).empty();
    return Setting{std::string{option.variable}, set ? "(secret)" : "", set ? "environment" : "not set"};
}

Result<void> read_family(Settings& settings, const Option& option, const Environment& environment)
{
    for (const auto& [name, value] : environment.variables()) {
        if (!name.starts_with(option.variable) || name.size() == option.variable.size())
            continue;
        const auto suffix = std::string_view{name}.substr(option.variable.size());
        SLIPWAY_TRY(in(name, std::get<FamilyReader>(option.field)(settings.config, suffix, value)));
        settings.list.push_back({name, value, "environment"});
    }
    return {};
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

/// Variables that ask for protection which this version does not give. To go on without it would be worse
/// than not to start.
struct Missing {
    std::string_view variable;
    std::string_view lacks;
};

constexpr std::array kMissing{
    Missing{"SPACELIFT_MASK_ENVS", "masks no values in logs yet"},
    Missing{"SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "checks no run against a policy yet"},
    Missing{"SPACELIFT_WORKER_RUNTIME", "gives jobs no other container runtime than Docker's default yet"},
};

bool looks_like_ours(std::string_view name)
{
    return name.starts_with("SPACELIFT_") || name.starts_with("SLIPWAY_") || name.starts_with("SPCELIFT_");
}

bool is_known(std::string_view name)
{
    return std::ranges::any_of(kOptions, [name](const Option& option) {
        return option.variable == name || option.alias == name
            || (option.is_family() && name.starts_with(option.variable));
    });
}

/// The known name that `name` is most likely a slip of; empty: none is near.
std::string_view nearest_to(std::string_view name)
{
    std::string_view nearest;
    std::size_t least = 4;
    const auto look = [&](std::string_view known) {
        if (const auto distance = edit_distance(known, name); !known.empty() && distance < least) {
            least = distance;
            nearest = known;
        }
    };
    for (const auto& option : kOptions) {
        look(option.variable);
        look(option.alias);
    }
    for (const auto& missing : kMissing)
        look(missing.variable);
    return nearest;
}

/// Looks at a variable that no option reads: a warning, or a refusal when protection depends on it.
Result<std::optional<std::string>> look_at_stranger(std::string_view name, std::string_view value)
{
    if (!looks_like_ours(name) || is_known(name))
        return std::optional<std::string>{};
    const auto nearest = nearest_to(name);
    const auto missing = std::ranges::find(kMissing, nearest, &Missing::variable);
    const std::string hint
        = nearest.empty() || nearest == name ? "" : "; did you mean " + std::string{nearest} + "?";
    if (missing != kMissing.end() && !value.empty())
        return Error{Errc::invalid_input,
            std::string{name} + ": this version " + std::string{missing->lacks}
                + ", and does not run jobs without what you ask for: take the variable away to do without"
                + hint};
    return std::optional{std::string{name} + " is not known to this version and has no effect" + hint};
}

} // namespace

std::string default_of(const Option& option)
{
    Config config;
    return std::visit(Show{config}, option.field);
}

Result<Settings> read_settings(const CommandLine& command_line, const Environment& environment, bool root)
{
    Settings settings;
    for (const auto& option : kOptions) {
        if (option.is_secret()) {
            settings.list.push_back(
                SLIPWAY_TRY(read_secret(settings.config, option, command_line, environment)));
        } else if (option.is_family()) {
            SLIPWAY_TRY(read_family(settings, option, environment));
        } else if (const auto given = SLIPWAY_TRY(given_value(option, command_line, environment))) {
            SLIPWAY_TRY(in(given->name, std::visit(Store{settings.config, given->text}, option.field)));
            settings.list.push_back({std::string{option.variable}, given->text, given->origin});
        } else {
            auto text = default_of(option);
            const std::string origin = text.empty() ? "not set" : "default";
            settings.list.push_back({std::string{option.variable}, std::move(text), origin});
        }
    }
    auto& state_directory = settings.config.engine.state_directory;
    if (state_directory.empty()) {
        state_directory = SLIPWAY_TRY(default_state_directory(root, environment));
        std::ranges::find(settings.list, "SLIPWAY_STATE_DIR", &Setting::name)->origin = "default";
    }
    // Docker takes no relative path for what it mounts from there.
    std::error_code code;
    state_directory = std::filesystem::absolute(state_directory, code).lexically_normal();
    if (code)
        return Error::from_errno("SLIPWAY_STATE_DIR: making it absolute", code.value());
    std::ranges::find(settings.list, "SLIPWAY_STATE_DIR", &Setting::name)->value = state_directory.string();
    for (const auto& allowed : settings.config.allowed_names)
        if (passed_variables({allowed}, environment).empty())
            settings.warnings.push_back(
                "SPACELIFT_WHITELIST_ENVS names " + allowed.name + ", which is not set: no job gets it");
    for (const auto& [name, value] : environment.variables())
        if (auto warning = SLIPWAY_TRY(look_at_stranger(name, value)))
            settings.warnings.push_back(*std::move(warning));
    return settings;
}

} // namespace slipway::launcher
