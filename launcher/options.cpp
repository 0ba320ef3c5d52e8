#include "launcher/options.h"

#include "launcher/identity.h"
#include "launcher/option_readers.h"
#include "launcher/option_sources.h"
#include "launcher/suggestion.h"

#include <algorithm>
#include <array>
#include <optional>

namespace slipway::launcher {

namespace {

/// Settings that protect: a slip of one is refused, since to ignore it would be to do without.
constexpr std::array<std::string_view, 2> kProtecting{
    "SPACELIFT_MASK_ENVS", "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY"};

bool looks_like_ours(std::string_view name)
{
    return name.starts_with("SPACELIFT_") || name.starts_with("SLIPWAY_") || name.starts_with("SPCELIFT_");
}

bool is_known(std::string_view name)
{
    return name == kConfigVariable || std::ranges::any_of(options(), [name](const Option& option) {
        return option.variable == name || option.alias == name
            || (option.is_family() && name.starts_with(option.variable));
    });
}

/// Looks at a variable that no option reads: a warning, or a refusal when protection depends on it.
Result<std::optional<std::string>> look_at_stranger(std::string_view name, std::string_view value)
{
    if (!looks_like_ours(name) || is_known(name))
        return std::optional<std::string>{};
    std::vector<std::string_view> known{kConfigVariable};
    for (const auto& option : options())
        known.insert(known.end(), {option.variable, option.alias});
    const auto nearest = nearest_name(name, known);
    const std::string hint
        = nearest.empty() || nearest == name ? "" : "; did you mean " + std::string{nearest} + "?";
    if (std::ranges::find(kProtecting, nearest) != kProtecting.end() && !value.empty())
        return Error{Errc::invalid_input,
            std::string{name}
                + ": there is no such setting, and nothing runs without the protection that it may ask for"
                + hint + " Correct it, or take it away"};
    return std::optional{std::string{name} + " is not known to this version and has no effect" + hint};
}

Result<Setting> read_secret(Config& config, const Option& option, const Sources& sources)
{
    Setting setting{.name = std::string{option.variable}, .value = "", .origin = "not set"};
    auto secrets = SLIPWAY_TRY(given_secrets(option, sources));
    for (auto& [secret, origin] : secrets) {
        setting.value = "(secret)";
        setting.origin = &secret == &secrets.front().secret ? origin : setting.origin + ", " + origin;
        std::get<SecretField>(option.field).keep(config, std::move(secret));
    }
    if (option.variable == "SPACELIFT_POOL_PRIVATE_KEY")
        if (const auto number = count_private_keys(config); number > 1)
            setting.value = "(secret, " + std::to_string(number) + " keys)";
    return setting;
}

Result<void> read_family(Settings& settings, const Option& option, const Sources& sources)
{
    const auto& field = std::get<FamilyField>(option.field);
    for (const auto& [member, given, is_flag_form] : SLIPWAY_TRY(given_members(option, sources))) {
        const auto read = is_flag_form ? field.read_flag : field.read;
        SLIPWAY_TRY(in(given.name, read(settings.config, member, given.text)));
        settings.list.push_back(
            {is_flag_form ? std::string{option.flag} + "." + member : std::string{option.variable} + member,
                given.text, given.origin});
    }
    return {};
}

Result<void> read_option(Settings& settings, const Option& option, const Sources& sources)
{
    if (option.is_secret()) {
        settings.list.push_back(SLIPWAY_TRY(read_secret(settings.config, option, sources)));
        return {};
    }
    if (option.is_family())
        return read_family(settings, option, sources);
    const auto& field = std::get<ValueField>(option.field);
    const auto given = SLIPWAY_TRY(given_value(option, sources));
    if (given) {
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

/// The file that was asked for, or the first of `defaults` that exists; and says so in the list.
Result<std::optional<ConfigFile>> find_config_file(Settings& settings, const CommandLine& command_line,
    const Environment& environment, std::span<const std::string_view> defaults)
{
    const auto variable = environment.find(kConfigVariable);
    std::string path = command_line.config_file.value_or(std::string{variable.value_or("")});
    std::string origin = command_line.config_file ? "flag" : "environment";
    std::string name = command_line.config_file ? "--config" : std::string{kConfigVariable};
    if (path.empty()) {
        std::error_code code;
        const auto found = std::ranges::find_if(
            defaults, [&code](std::string_view file) { return std::filesystem::exists(file, code); });
        if (found == defaults.end()) {
            settings.list.push_back({std::string{kConfigVariable}, "", "not set"});
            return std::optional<ConfigFile>{};
        }
        path = *found;
        origin = "default";
    }
    auto file = SLIPWAY_TRY(in(name, read_config_file(path)));
    SLIPWAY_TRY(check_keys_of(file));
    settings.list.push_back({std::string{kConfigVariable}, path, origin});
    return std::optional<ConfigFile>{std::move(file)};
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

/// Beside the docker command's own files, as it has it.
void finish_cert_path(Settings& settings, const Environment& environment)
{
    auto& path = settings.config.docker_cert_path;
    const auto home = environment.find("HOME");
    if (path.empty() && settings.config.docker_tls_verify && home)
        path = std::filesystem::path{*home} / ".docker";
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

Result<Settings> read_settings(const CommandLine& command_line, const Environment& environment, bool root,
    std::span<const std::string_view> default_files)
{
    Settings settings;
    const auto file = SLIPWAY_TRY(find_config_file(settings, command_line, environment, default_files));
    const Sources sources{
        .command_line = command_line, .environment = environment, .file = file ? &*file : nullptr};
    for (const auto& option : options())
        SLIPWAY_TRY(read_option(settings, option, sources));
    SLIPWAY_TRY(finish_state_directory(settings, environment, root));
    finish_cert_path(settings, environment);
    SLIPWAY_TRY(check_private_vcs(settings.config.private_vcs));
    warn_of_values(settings, environment);
    for (const auto& [name, value] : environment.variables())
        if (auto warning = SLIPWAY_TRY(look_at_stranger(name, value)))
            settings.warnings.push_back(*std::move(warning));
    return settings;
}

} // namespace slipway::launcher
