#include "launcher/options.h"

#include "common/file.h"
#include "launcher/job_values.h"
#include "launcher/option_readers.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxSecretFileBytes = 256 * 1024;

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
};

Result<void> refuse_missing(std::string_view variable)
{
    const auto missing = std::ranges::find(kMissing, variable, &Missing::variable);
    if (missing == kMissing.end())
        return {};
    return Error{Errc::invalid_input,
        "this version " + std::string{missing->lacks}
            + ", and does not run jobs without what you ask for: take the variable away to do without"};
}

bool looks_like_ours(std::string_view name)
{
    return name.starts_with("SPACELIFT_") || name.starts_with("SLIPWAY_") || name.starts_with("SPCELIFT_");
}

bool is_known(std::string_view name)
{
    return std::ranges::any_of(options(), [name](const Option& option) {
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
    for (const auto& option : options()) {
        look(option.variable);
        look(option.alias);
    }
    return nearest;
}

/// Looks at a variable that no option reads: a warning, or a refusal when protection depends on it.
Result<std::optional<std::string>> look_at_stranger(std::string_view name, std::string_view value)
{
    if (!looks_like_ours(name) || is_known(name))
        return std::optional<std::string>{};
    const auto nearest = nearest_to(name);
    const std::string hint
        = nearest.empty() || nearest == name ? "" : "; did you mean " + std::string{nearest} + "?";
    if (const auto refused = refuse_missing(nearest); !refused && !value.empty())
        return Error{Errc::invalid_input, std::string{name} + ": " + refused.error().message() + hint};
    return std::optional{std::string{name} + " is not known to this version and has no effect" + hint};
}

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

/// What the flag of `option` was given, in its order.
std::vector<std::string> flag_values(const Option& option, const CommandLine& command_line)
{
    std::vector<std::string> texts;
    for (const auto& [given, text] : command_line.values)
        if (given == &option)
            texts.push_back(text);
    return texts;
}

Result<std::optional<Given>> given_value(
    const Option& option, const CommandLine& command_line, const Environment& environment)
{
    if (const auto texts = flag_values(option, command_line); !texts.empty())
        return Given{list_text(texts), "--" + std::string{option.flag}, "flag"};
    return from_environment(option, environment);
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
    const auto& field = std::get<SecretField>(option.field);
    if (const auto paths = flag_values(option, command_line); !paths.empty()) {
        for (const auto& path : paths)
            field.keep(config, SLIPWAY_TRY(in("--" + std::string{option.flag}, read_secret_file(path))));
        return Setting{std::string{option.variable}, "(secret)", "file " + list_text(paths)};
    }
    auto secret = environment.secret(option.variable);
    if (secret.empty())
        return Setting{std::string{option.variable}, "", "not set"};
    field.keep(config, std::move(secret));
    return Setting{std::string{option.variable}, "(secret)", "environment"};
}

Result<void> read_family(Settings& settings, const Option& option, const Environment& environment)
{
    for (const auto& [name, value] : environment.variables()) {
        if (!name.starts_with(option.variable) || name.size() == option.variable.size())
            continue;
        const auto suffix = std::string_view{name}.substr(option.variable.size());
        SLIPWAY_TRY(in(name, std::get<FamilyField>(option.field).read(settings.config, suffix, value)));
        settings.list.push_back({name, value, "environment"});
    }
    return {};
}

Result<void> read_option(
    Settings& settings, const Option& option, const CommandLine& command_line, const Environment& environment)
{
    if (option.is_secret()) {
        settings.list.push_back(SLIPWAY_TRY(read_secret(settings.config, option, command_line, environment)));
        return {};
    }
    if (option.is_family())
        return read_family(settings, option, environment);
    const auto& field = std::get<ValueField>(option.field);
    const auto given = SLIPWAY_TRY(given_value(option, command_line, environment));
    if (given) {
        SLIPWAY_TRY(in(given->name, refuse_missing(option.variable)));
        SLIPWAY_TRY(in(given->name, field.read(settings.config, given->text)));
        if (option.alias_kind == Alias::slip && given->name == option.alias)
            settings.warnings.push_back(std::string{option.alias} + " is taken for "
                + std::string{option.variable} + ", which is the right spelling: use that");
    }
    auto text = field.show(settings.config);
    const std::string origin = given ? given->origin : text.empty() ? "not set" : "default";
    settings.list.push_back({std::string{option.variable}, std::move(text), origin});
    return {};
}

Result<void> finish_state_directory(Settings& settings, const Environment& environment, bool root)
{
    auto& state_directory = settings.config.engine.state_directory;
    const auto shown = std::ranges::find(settings.list, "SLIPWAY_STATE_DIR", &Setting::name);
    if (state_directory.empty()) {
        state_directory = SLIPWAY_TRY(default_state_directory(root, environment));
        shown->origin = "default";
    }
    // Docker takes no relative path for what it mounts from there.
    std::error_code code;
    state_directory = std::filesystem::absolute(state_directory, code).lexically_normal();
    if (code)
        return Error::from_errno("SLIPWAY_STATE_DIR: making it absolute", code.value());
    shown->value = state_directory.string();
    return {};
}

/// What was taken and does not do what one may expect of it.
void warn_of_values(Settings& settings, const Environment& environment)
{
    const Config& config = settings.config;
    for (const auto& allowed : config.allowed_names)
        if (passed_variables({allowed}, environment).empty())
            settings.warnings.push_back(
                "SPACELIFT_WHITELIST_ENVS names " + allowed.name + ", which is not set: no job gets it");
    if (config.comms_protocol == "mqtt")
        settings.warnings.push_back(
            "SPACELIFT_WORKER_COMMS_PROTOCOL is mqtt, and this launcher polls always: set it to poll");
    if (config.observability != Config{}.observability)
        settings.warnings.push_back("OBSERVABILITY_VENDOR has no effect: set SLIPWAY_METRICS_ADDRESS to have "
                                    "metrics collected from there");
}

} // namespace

Result<Settings> read_settings(const CommandLine& command_line, const Environment& environment, bool root)
{
    Settings settings;
    for (const auto& option : options())
        SLIPWAY_TRY(read_option(settings, option, command_line, environment));
    SLIPWAY_TRY(finish_state_directory(settings, environment, root));
    SLIPWAY_TRY(check_private_vcs(settings.config.private_vcs));
    warn_of_values(settings, environment);
    for (const auto& [name, value] : environment.variables())
        if (auto warning = SLIPWAY_TRY(look_at_stranger(name, value)))
            settings.warnings.push_back(*std::move(warning));
    return settings;
}

} // namespace slipway::launcher
