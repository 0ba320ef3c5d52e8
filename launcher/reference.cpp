#include "launcher/exit_codes.h"
#include "launcher/options.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::size_t kWidth = 100;

std::string name_of(const Option& option)
{
    return std::string{option.variable} + (option.is_family() ? "<name>" : "");
}

std::string without_backticks(std::string_view text)
{
    std::string plain{text};
    std::erase(plain, '`');
    return plain;
}

/// Appends `text` in lines of at most `kWidth` columns, each indented.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent)
{
    std::string line(indent, ' ');
    while (!text.empty()) {
        const auto space = std::min(text.find(' '), text.size());
        if (line.size() > indent && line.size() + space + 1 > kWidth) {
            out += line + "\n";
            line.assign(indent, ' ');
        }
        if (line.size() > indent)
            line += ' ';
        line += text.substr(0, space);
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    out += line + "\n";
}

constexpr std::string_view kSignals
    = "## Signals\n\n"
      "| signal | effect |\n|---|---|\n"
      "| `TERM`, `INT` | Drains: takes nothing more, finishes what runs, leaves the pool, exits 0. |\n"
      "| a second `TERM` or `INT` | Stops what runs (INT to the job, grace, TERM, 10 s, KILL), reports, "
      "leaves the pool, "
      "exits 0. |\n"
      "| `USR2` | Hands over: exits 0 at once; containers stay and the next process adopts them. |\n"
      "| `HUP` | Reserved; ignored with a line in the log. |\n\n";

} // namespace

std::string help_text()
{
    std::string text
        = "Usage: slipway-launcher [OPTION]...\n\n"
          "Takes runs of a worker pool and gives each stage a container of its own. Starts from "
          "SPACELIFT_TOKEN\n"
          "and SPACELIFT_POOL_PRIVATE_KEY alone. A flag wins over the variable of the same line.\n\n";
    for (const auto& option : kOptions) {
        text += "  " + name_of(option);
        if (!option.alias.empty())
            text += ", " + std::string{option.alias};
        if (!option.flag.empty())
            text += ", --" + std::string{option.flag} + " " + std::string{option.argument};
        text += "\n";
        append_wrapped(text, without_backticks(option.help), 6);
        if (const auto value = default_of(option); !value.empty())
            text += "      Default: " + value + "\n";
    }
    text += "\n  --print-config  shows every setting with its origin, and exits\n"
            "  --version       shows the version, and exits\n"
            "  -h, --help      shows this text, and exits\n";
    return text;
}

std::string reference_markdown()
{
    std::string text
        = "# Reference of slipway-launcher\n\n"
          "Written by `slipway-launcher --help-markdown`; a test keeps it equal to the program.\n\n"
          "## Settings\n\n"
          "A flag wins over its variable. An empty variable counts as not set. Durations are written as in "
          "Go "
          "(`90s`, `70m`, `1h30m`).\nA variable with the prefix `SPACELIFT_` or `SLIPWAY_` that is not "
          "listed here "
          "has no effect, and the launcher warns of it; "
          "but where such a variable asks for protection that this version does not give "
          "(`SPACELIFT_MASK_ENVS`, `SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY`, "
          "`SPACELIFT_WORKER_RUNTIME`, and "
          "slips of them), it does not start.\n`slipway-launcher --print-config` shows what is in "
          "force "
          "and where it came from.\n\n"
          "| variable | flag | default | meaning |\n|---|---|---|---|\n";
    for (const auto& option : kOptions) {
        text += "| `" + name_of(option) + "`";
        if (!option.alias.empty())
            text += ", `" + std::string{option.alias} + "`";
        text += " | ";
        if (!option.flag.empty())
            text += "`--" + std::string{option.flag} + " " + std::string{option.argument} + "`";
        text += " | ";
        if (const auto value = default_of(option); !value.empty())
            text += "`" + value + "`";
        text += " | " + std::string{option.help} + " |\n";
    }
    text += "\n" + std::string{kSignals} + "## Exit codes\n\n| code | meaning |\n|---|---|\n";
    for (const auto& row : kExitCodes)
        text += "| " + std::to_string(to_int(row.code)) + " | " + std::string{row.meaning} + " |\n";
    return text;
}

std::string settings_text(const Settings& settings)
{
    std::size_t width = 0;
    for (const auto& setting : settings.list)
        width = std::max(width, setting.name.size());
    std::string text;
    for (const auto& [name, value, origin] : settings.list) {
        text += name + std::string(width - name.size(), ' ') + " = " + value;
        text += std::string{value.empty() ? "" : "  "} + "[" + origin + "]\n";
    }
    return text;
}

} // namespace slipway::launcher
