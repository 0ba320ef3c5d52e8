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
    SignalRow{"`HUP`", "Reads token and keys again from their files. A file that is wrong changes nothing."},
};

struct CommandRow {
    std::string_view command; ///< With its flags.
    std::string_view effect;
};

inline constexpr std::string_view kCommandsHead
    = "With no command it is the launcher itself. These ask the launcher that runs on the same state "
      "directory "
      "(`--state-dir`, `SLIPWAY_STATE_DIR`), as its user or as root.";

inline constexpr std::array kCommandRows{
    CommandRow{"status [--json]",
        "Shows one screen: worker, pool, last contact, drains, Docker, disk, what runs. `--json` is for "
        "programs."},
    CommandRow{"why",
        "Says what keeps it from taking work, the likeliest cause first, each with its remedy. Exits with 0 "
        "when "
        "nothing does, and with 1 when something does."},
    CommandRow{"drain [--wait] [--exit]",
        "It takes nothing more until `undrain`, also after a restart; what runs goes on. `--wait` returns "
        "when "
        "nothing is held. `--exit` is as `TERM`: it ends with what it holds."},
    CommandRow{"undrain", "Ends `drain`."},
    CommandRow{"stop JOB",
        "Stops one stage, named by its id or its run's as `status` shows them: INT, the grace time, TERM, "
        "ten seconds, "
        "KILL. The run fails, and its cause says that the operator of the worker stopped it. The launcher "
        "goes on."},
    CommandRow{"decrypt FILE",
        "Asks no launcher: shows what an envelope is about and opens it with the pool's key. Its own "
        "`--help` "
        "says how."},
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
