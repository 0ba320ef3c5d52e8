#include "launcher/exit_codes.h"
#include "launcher/options.h"
#include "launcher/reference_parts.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// Of a terminal that nobody has widened.
constexpr std::size_t kWidth = 80;

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

/// The row of the reference's table.
std::string row_of(const Option& option)
{
    std::string text = "| `" + option_name(option) + "`";
    if (!option.alias.empty())
        text += ", `" + std::string{option.alias} + "`";
    text += " | ";
    if (!option.flag.empty())
        text += "`--" + std::string{option.flag} + " " + option_argument(option) + "`";
    text += " | ";
    if (const auto value = default_of(option); !value.empty())
        text += "`" + value + "`";
    return text + " | " + std::string{option.help} + " |\n";
}

constexpr std::string_view kHead = R"(# Reference of slipway-launcher

Written by `slipway-launcher --help-markdown`; a test keeps it equal to the program.

## Settings

A flag wins over its variable, and a variable over the configuration file. An empty variable counts as not set.
Durations are written as in Go (`90s`, `70m`, `1h30m`), sizes with a unit (`512MiB`, `2GiB`, powers of 1024).
A variable with the prefix `SPACELIFT_` or `SLIPWAY_` that is not listed here has no effect, and the launcher warns of it;
but where it is a slip of one that protects (`SPACELIFT_MASK_ENVS`, `SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY`), it does not
start.
`slipway-launcher --print-config` shows what is in force and where it came from.

The configuration file is named by `--config FILE` or `SLIPWAY_CONFIG`; without either, `/etc/slipway/launcher.toml` or
`/etc/slipway/launcher.conf` is read if it is there. Its lines are `flag = value`; a value with blanks or commas stands in quotes,
a list in brackets, `#` begins a comment everywhere, and a family of settings is a section. An unknown key is an error.
The token and the key themselves may stand in it, as `token` and `private-key`, if nobody but its owner can use the file
(mode 0600).

```toml
)";

constexpr std::string_view kRowHead = "| variable | flag | default | meaning |\n|---|---|---|---|\n";

} // namespace

std::string help_text()
{
    std::string text = R"(Usage: slipway-launcher [OPTION]...
       slipway-launcher COMMAND

Takes runs of a worker pool and gives each stage a container of its own, with
the Docker Engine of this machine. It needs two variables and nothing else:

  SPACELIFT_TOKEN             what "slipway pool create" wrote
  SPACELIFT_POOL_PRIVATE_KEY  the key of the pool's request, in base64

Example:

  export SPACELIFT_TOKEN=$(cat pool.token)
  export SPACELIFT_POOL_PRIVATE_KEY=$(base64 < spacelift.key)
  slipway-launcher

With VELA_SERVER_ADDR and VELA_QUEUE_DRIVER set it is a worker of a Vela server
instead: see slipway-launcher --backend vela --help, and docs/vela.md.

It prints one line when it is ready. A start that fails says what to change.
After TERM it takes no more runs and ends with the last one; a second TERM stops
them.

While it runs, as its user or as root:

  slipway-launcher status     one screen: who it is, what it does, what it lacks
  slipway-launcher why        what keeps it from taking work, and the remedy
  slipway-launcher drain      takes nothing more until undrain; --wait, --exit
  slipway-launcher stop JOB   stops a stage that it holds; status shows them

In an emergency, with no control plane at hand, slipway-launcher decrypt opens
an envelope; its own --help says how.

More is set by flags, variables or a file, /etc/slipway/launcher.toml, whose
lines are "flag = value". A flag wins over its variable, a variable over the
file:

  slipway-launcher --capacity 4 --network jobs
  slipway-launcher --allow-envs AWS_REGION --extra-mounts /srv/ca:/ca:ro
  slipway-launcher --print-config
)";
    for (const auto& option : options()) {
        if (!option.group.empty())
            text += "\n" + std::string{option.group} + "\n\n";
        text += "  ";
        if (!option.flag.empty())
            text += "--" + std::string{option.flag} + " " + option_argument(option) + "\n  ";
        text += option_name(option);
        if (!option.alias.empty())
            text += ", " + std::string{option.alias};
        text += "\n";
        const auto value = default_of(option);
        append_wrapped(text, without_backticks(option.help) + (value.empty() ? "" : " Default: " + value), 6);
    }
    text += "\nOther flags\n\n";
    for (const auto& row : kPlainFlags) {
        text += "  " + std::string{row.flag} + "\n";
        append_wrapped(text, row.meaning, 6);
    }
    text += "\nRead on: man slipway-launcher, docs/reference.md, docs/operations.md\n";
    return text;
}

std::string reference_markdown()
{
    std::string text = std::string{kHead} + std::string{kConfigFileExample} + "```\n";
    for (const auto& option : options()) {
        if (!option.group.empty())
            text += "\n### " + std::string{option.group} + "\n\n" + std::string{kRowHead};
        text += row_of(option);
    }
    text += "\n## Commands\n\n" + std::string{kCommandsHead} + "\n\n| command | what it does |\n|---|---|\n";
    for (const auto& row : kCommandRows)
        text += "| `" + std::string{row.command} + "` | " + std::string{row.effect} + " |\n";
    text += "\n## Signals\n\n| signal | effect |\n|---|---|\n";
    for (const auto& row : kSignalRows)
        text += "| " + std::string{row.signals} + " | " + std::string{row.effect} + " |\n";
    text += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
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
