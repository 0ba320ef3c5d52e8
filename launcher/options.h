#pragma once

#include "common/result.h"
#include "launcher/config.h"
#include "launcher/config_file.h"
#include "launcher/environment.h"
#include "launcher/option_table.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

enum class Action : std::uint8_t {
    run,
    print_help,
    print_markdown,
    print_man,
    print_config,
    print_version,
    status, ///< This and the next four ask a launcher that runs.
    why,
    drain,
    undrain,
    stop,
};

struct CommandLine {
    Action action = Action::run;
    std::vector<std::pair<const Option*, std::string>> values; ///< Of flags, in their order.
    std::optional<std::string> config_file;
    bool json = false; ///< Of `status`.
    bool wait = false; ///< Of `drain`, as the next one.
    bool exit = false;
    std::string job; ///< Of `stop`: the id of a stage or a run.

    [[nodiscard]] bool asks() const { return action >= Action::status; }
};

/// Fails with `invalid_input` on what is unknown or given twice.
[[nodiscard]] Result<CommandLine> parse_command_line(int argc, const char* const* argv);

/// A value and where it came from, for --print-config. Secrets are named, not shown.
struct Setting {
    std::string name;
    std::string value;
    std::string origin;
};

struct Settings {
    Config config;
    std::vector<Setting> list;
    std::vector<std::string> warnings; ///< Sentences: variables that look like ours and are not.
};

/// Names the configuration file.
inline constexpr std::string_view kConfigVariable = "SLIPWAY_CONFIG";

/// Puts flags over variables over the configuration file over defaults. The file is the one that the flag or
/// variable names, else the first of `default_files` that exists. Every failure names the variable, flag or
/// key, the bad value (unless secret) and what is expected instead. A missing token or key is no failure
/// here.
[[nodiscard]] Result<Settings> read_settings(const CommandLine& command_line, const Environment& environment,
    bool root, std::span<const std::string_view> default_files = kDefaultConfigFiles);

[[nodiscard]] std::string help_text();
/// docs/reference.md, whole.
[[nodiscard]] std::string reference_markdown();
/// docs/slipway-launcher.8, whole: a page for man(1).
[[nodiscard]] std::string reference_man();
[[nodiscard]] std::string settings_text(const Settings& settings);

} // namespace slipway::launcher
