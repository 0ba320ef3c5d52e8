#pragma once

#include "common/result.h"
#include "launcher/config.h"
#include "launcher/environment.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slipway::launcher {

struct IntegerField {
    int Config::*field;
    int least;
    int most;
};

using OptionReader = Result<void> (*)(Config& config, std::string_view text);
/// For a family of variables: `suffix` is what follows the prefix.
using FamilyReader = void (*)(Config& config, std::string_view suffix, std::string_view text);

/// Where the value goes; its type decides how it is read.
using Field = std::variant<std::string Config::*, Secret Config::*, std::chrono::nanoseconds Config::*,
    bool Config::*, IntegerField, OptionReader, FamilyReader>;

/// One row of the table from which parsing, help, --print-config and docs/reference.md are made.
struct Option {
    std::string_view variable; ///< Of a family: its prefix.
    std::string_view alias; ///< Another name of the variable; may be empty.
    std::string_view flag; ///< Without "--"; may be empty. Of a secret: names a file that holds it.
    std::string_view argument; ///< How help calls the value.
    std::string_view fallback; ///< As text; empty: none.
    std::string_view help;
    Field field;

    [[nodiscard]] bool is_secret() const { return std::holds_alternative<Secret Config::*>(field); }

    [[nodiscard]] bool is_family() const { return std::holds_alternative<FamilyReader>(field); }
};

[[nodiscard]] std::span<const Option> options();
/// The variables that hold secrets, for `Environment::take`.
[[nodiscard]] std::span<const std::string_view> secret_variables();

enum class Action : std::uint8_t { run, print_help, print_markdown, print_config, print_version };

struct CommandLine {
    Action action = Action::run;
    std::vector<std::pair<const Option*, std::string>> values;
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

/// Puts flags over variables over defaults. Every failure names the variable or flag, the bad value (unless
/// secret) and what is expected instead. A missing token or key is no failure here.
[[nodiscard]] Result<Settings> read_settings(
    const CommandLine& command_line, const Environment& environment, bool root);

[[nodiscard]] std::string help_text();
/// docs/reference.md, whole.
[[nodiscard]] std::string reference_markdown();
[[nodiscard]] std::string settings_text(const Settings& settings);

} // namespace slipway::launcher
