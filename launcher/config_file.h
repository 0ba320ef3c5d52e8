#pragma once

#include "common/result.h"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The configuration file: one line a setting, `flag = value`, in the format of CLI11 (a part of TOML, and
/// INI). A family of settings is a section: `[metadata]`, then `name = value`.
namespace slipway::launcher {

/// Read when neither --config nor SLIPWAY_CONFIG names one; the first that exists.
inline constexpr std::array<std::string_view, 2> kDefaultConfigFiles{
    "/etc/slipway/launcher.toml", "/etc/slipway/launcher.conf"};

struct ConfigEntry {
    std::string key; ///< Name of a flag without "--".
    std::string member; ///< In a section: the name within it.
    std::vector<std::string> values;
};

struct ConfigFile {
    std::filesystem::path path;
    bool is_private = false; ///< Nobody but its owner may read or write it.
    std::vector<ConfigEntry> entries;

    ConfigFile() = default;
    ConfigFile(ConfigFile&&) = default;
    ConfigFile& operator=(ConfigFile&&) = default;
    ~ConfigFile(); ///< Wipes the values, which may be secrets.
};

/// Fails with `invalid_input` on what cannot be read as that format, and on a text over 1 MiB.
[[nodiscard]] Result<std::vector<ConfigEntry>> parse_config_text(std::string_view text);

/// Fails with `invalid_input` when the file cannot be read; the message names it.
[[nodiscard]] Result<ConfigFile> read_config_file(const std::filesystem::path& path);

} // namespace slipway::launcher
