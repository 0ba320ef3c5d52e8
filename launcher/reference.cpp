#include "launcher/exit_codes.h"
#include "launcher/options.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// Of a terminal that nobody has widened.
constexpr std::size_t kWidth = 80;

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
    std::string text = R"(Usage: slipway-launcher [OPTION]...

Takes runs of a worker pool and gives each stage a container of its own, with
the Docker Engine of this machine. It needs two variables and nothing else:

  SPACELIFT_TOKEN             what "slipway pool create" wrote
  SPACELIFT_POOL_PRIVATE_KEY  the key of the pool's request, in base64

Example:

  export SPACELIFT_TOKEN=$(cat pool.token)
  export SPACELIFT_POOL_PRIVATE_KEY=$(base64 < spacelift.key)
  slipway-launcher

It prints one line when it is ready. A start that fails says what to change.
After TERM it takes no more runs and ends with the last one; a second TERM stops
them.

Settings; a flag wins over its variable:

)";
    for (const auto& option : options()) {
        text += "  ";
        if (!option.flag.empty())
            text += "--" + std::string{option.flag} + " " + std::string{option.argument} + ", ";
        text += name_of(option);
        if (!option.alias.empty())
            text += ", " + std::string{option.alias};
        text += "\n";
        const auto value = default_of(option);
        append_wrapped(text, without_backticks(option.help) + (value.empty() ? "" : " Default: " + value), 6);
    }
    text += R"(
Other flags:

  --print-config   shows what is in force and where each value came from
  --help-markdown  writes the reference: settings, signals, exit codes
  --version        shows the version
  -h, --help       shows this text

Read on: docs/reference.md, docs/operations.md
)";
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
          "(`SPACELIFT_MASK_ENVS`, `SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY`, and slips of them), it "
          "does "
          "not start.\n`slipway-launcher --print-config` shows what is in "
          "force "
          "and where it came from.\n\n"
          "| variable | flag | default | meaning |\n|---|---|---|---|\n";
    for (const auto& option : options()) {
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
