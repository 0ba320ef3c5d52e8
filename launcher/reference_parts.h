#pragma once

#include "launcher/option_table.h"

#include <array>
#include <string>
#include <string_view>

/// What help, docs/reference.md and the man page are made of, beside the tables of options and exit codes.
namespace slipway::launcher {

struct SignalRow {
    std::string_view signals; ///< In backticks where it is code.
    std::string_view effect;
};

inline constexpr std::array kSignalRows{
    SignalRow{"`TERM`, `INT`", "Drains: takes nothing more, finishes what runs, leaves the pool, exits 0."},
    SignalRow{"a second `TERM` or `INT`",
        "Stops what runs (INT to the job, grace, TERM, 10 s, KILL), reports, leaves the pool, exits 0."},
    SignalRow{"`USR2`", "Hands over: exits 0 at once; containers stay and the next process adopts them."},
    SignalRow{"`HUP`", "Reserved; ignored with a line in the log."},
};

struct FlagRow {
    std::string_view flag;
    std::string_view meaning;
};

/// Flags that are no settings.
inline constexpr std::array kPlainFlags{
    FlagRow{"--config FILE",
        "the configuration file; also SLIPWAY_CONFIG. Without either /etc/slipway/launcher.toml or "
        "launcher.conf beside it is read if it is there"},
    FlagRow{"--print-config", "shows what is in force and where each value came from"},
    FlagRow{"--help-markdown", "writes the reference: settings, signals, exit codes"},
    FlagRow{"--help-man", "writes the man page"},
    FlagRow{"--version", "shows the version"},
    FlagRow{"-h, --help", "shows this text"},
};

inline constexpr std::string_view kConfigFileExample = R"(# /etc/slipway/launcher.toml
token-file = "/etc/slipway/pool.token"
private-key-file = "/etc/slipway/pool.key"
capacity = 4
allow-envs = ["AWS_REGION", "wo_DEPLOY_KEY"]

[metadata]
site = "Berlin"
)";

/// "SPACELIFT_METADATA_<name>" of a family.
[[nodiscard]] inline std::string option_name(const Option& option)
{
    return std::string{option.variable} + (option.is_family() ? "<name>" : "");
}

/// "NAME=VALUE" for the flag of a family.
[[nodiscard]] inline std::string option_argument(const Option& option)
{
    return (option.is_family() ? "NAME=" : "") + std::string{option.argument};
}

} // namespace slipway::launcher
