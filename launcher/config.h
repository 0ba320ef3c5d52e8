#pragma once

#include "common/log.h"
#include "common/protocol/wire.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/environment.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

enum class LogFormatChoice : std::uint8_t {
    automatic, ///< logfmt on a terminal, JSON elsewhere.
    logfmt,
    json,
};

/// Which stages see a variable of the launcher.
enum class StageClass : std::uint8_t {
    every,
    read, ///< `ro_`: every stage but apply.
    write, ///< `wo_`: apply only.
};

/// A name on the allow-list.
struct AllowedName {
    std::string name;
    StageClass stages = StageClass::every;
};

/// A variable of the launcher that jobs get.
struct PassedVariable {
    std::string name;
    std::string value;
    StageClass stages = StageClass::every;
};

/// What an operator can set, each as its type. Which variable and flag a field comes from, its default and
/// its meaning stand in the table of options.cpp and nowhere else.
struct Config {
    Secret token;
    Secret private_key;
    std::string comms_url;
    std::string state_directory;
    int capacity = 0;
    std::chrono::nanoseconds run_limit{0};
    std::chrono::nanoseconds silence_limit{0};
    protocol::Metadata metadata;
    std::vector<AllowedName> allowed_names;
    std::string network;
    std::string default_image;
    std::string docker_host;
    bool debug = false;
    LogFormatChoice log_format = LogFormatChoice::automatic;
    LogLevel log_level = LogLevel::info;
};

/// Reads "A,ro_B,wo_C". Blanks around names are ignored. Fails with `invalid_input` on what is no name of a
/// variable, and on a name in `secrets`: those never leave the launcher.
[[nodiscard]] Result<std::vector<AllowedName>> read_allowed_names(
    std::string_view text, std::span<const std::string_view> secrets);

/// The allowed variables that are set, with their values.
[[nodiscard]] std::vector<PassedVariable> passed_variables(
    const std::vector<AllowedName>& names, const Environment& environment);

/// /var/lib/slipway for root; else $XDG_STATE_HOME/slipway or ~/.local/state/slipway. Fails with
/// `invalid_input` when neither variable is there.
[[nodiscard]] Result<std::string> default_state_directory(bool root, const Environment& environment);

} // namespace slipway::launcher
