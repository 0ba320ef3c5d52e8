#pragma once

#include "common/log.h"
#include "common/protocol/server_core.h"
#include "common/result.h"

#include <filesystem>
#include <string>
#include <variant>

namespace slipway::mothership {

struct InitOptions {
    std::filesystem::path data_dir;
    std::string endpoint; ///< https://host:port
    std::string name = "slipway";
};

struct ServeOptions {
    std::filesystem::path data_dir;
    std::string listen; ///< address:port; empty: as the endpoint says.
    LogFormat log_format = LogFormat::logfmt;
    protocol::Terms terms;
};

/// Text that was asked for: help or the version.
struct PrintText {
    std::string text;
};

using Command = std::variant<InitOptions, ServeOptions, PrintText>;

/// Fails with `invalid_input` and words that say what is wrong.
[[nodiscard]] Result<Command> parse_command_line(int argc, const char* const* argv);

} // namespace slipway::mothership
