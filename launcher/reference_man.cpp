#include "launcher/exit_codes.h"
#include "launcher/options.h"
#include "launcher/reference_parts.h"

/// The man page, in the macros of man(7).
namespace slipway::launcher {

namespace {

/// Text as roff takes it: backticks become bold, and nothing begins a request.
std::string roff(std::string_view text)
{
    std::string out;
    bool code = false;
    for (const char c : text) {
        if (c == '`') {
            code = !code;
            out += code ? "\\fB" : "\\fR";
        } else if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
            out += "\\&";
            out += c;
        } else {
            out += c;
        }
    }
    return out;
}

void append_option(std::string& text, const Option& option)
{
    if (!option.group.empty())
        text += ".SS " + roff(option.group) + "\n";
    std::string names;
    if (!option.flag.empty())
        names = "`--" + std::string{option.flag} + "` " + option_argument(option) + ", ";
    names += "`" + option_name(option) + "`";
    if (!option.alias.empty())
        names += ", `" + std::string{option.alias} + "`";
    text += ".TP\n" + roff(names) + "\n" + roff(option.help) + "\n";
    if (const auto value = default_of(option); !value.empty())
        text += "Default: " + roff("`" + value + "`") + ".\n";
}

constexpr std::string_view kHead
    = R"(.\" Written by slipway-launcher --help-man; a test keeps it equal to the program.
.TH SLIPWAY\-LAUNCHER 8 "" "Slipway" "System Administration"
.SH NAME
slipway\-launcher \- takes runs of a worker pool and gives each stage a container of its own
.SH SYNOPSIS
.B slipway\-launcher
.RI [ OPTION ]...
.br
.B slipway\-launcher
.I COMMAND
.SH DESCRIPTION
Takes runs of a worker pool from a control plane and gives each stage a container of its own, with the Docker Engine of
this machine.
It needs the pool's token and the pool's private key, and nothing else:
.PP
.nf
export SPACELIFT_TOKEN=$(cat pool.token)
export SPACELIFT_POOL_PRIVATE_KEY=$(base64 < spacelift.key)
slipway\-launcher
.fi
.PP
It prints one line when it is ready.
A start that fails says what to change.
.SH SETTINGS
A flag wins over its variable, and a variable over the configuration file.
An empty variable counts as not set.
Durations are written as in Go (90s, 70m, 1h30m), sizes with a unit (512MiB, 2GiB).
)";

} // namespace

std::string reference_man()
{
    std::string text{kHead};
    for (const auto& option : options())
        append_option(text, option);
    text += ".SH COMMANDS\n" + roff(kCommandsHead) + "\n";
    for (const auto& row : kCommandRows)
        text += ".TP\n\\fB" + roff(row.command) + "\\fR\n" + roff(row.effect) + "\n";
    text += ".SH OTHER FLAGS\n";
    for (const auto& row : kPlainFlags)
        text += ".TP\n\\fB" + roff(row.flag) + "\\fR\n" + roff(row.meaning) + "\n";
    text
        += ".SH FILES\n.TP\n.I /etc/slipway/launcher.toml\nLines \"flag = value\"; a family of settings is a "
           "section:\n.PP\n.nf\n"
        + roff(kConfigFileExample) + ".fi\n.SH SIGNALS\n";
    for (const auto& row : kSignalRows)
        text += ".TP\n" + roff(row.signals) + "\n" + roff(row.effect) + "\n";
    text += ".SH EXIT STATUS\n";
    for (const auto& row : kExitCodes)
        text += ".TP\n.B " + std::to_string(to_int(row.code)) + "\n" + roff(row.meaning) + "\n";
    return text;
}

} // namespace slipway::launcher
