#pragma once

#include "launcher/config.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// How a value is written by the type of its field. `read_value` fails with `invalid_input`; what `text_of`
/// gives is what `read_value` takes.
namespace slipway::launcher {

[[nodiscard]] Result<void> read_value(std::string_view text, std::string& value);
[[nodiscard]] Result<void> read_value(std::string_view text, std::filesystem::path& value);
[[nodiscard]] Result<void> read_value(std::string_view text, bool& value);
[[nodiscard]] Result<void> read_value(
    std::string_view text, protocol::Millis& value); ///< A duration above 0.
[[nodiscard]] Result<void> read_value(std::string_view text, std::uint64_t& value); ///< A size.
[[nodiscard]] Result<void> read_value(std::string_view text, LogFormat& value);
[[nodiscard]] Result<void> read_value(std::string_view text, LogLevel& value);
[[nodiscard]] Result<void> read_value(std::string_view text, Pull& value);
[[nodiscard]] Result<void> read_value(std::string_view text, SlotTransport& value);
[[nodiscard]] Result<void> read_value(std::string_view text, JobMetadata& value);

[[nodiscard]] std::string text_of(const std::string& value);
[[nodiscard]] std::string text_of(const std::filesystem::path& value);
[[nodiscard]] std::string text_of(bool value);
[[nodiscard]] std::string text_of(protocol::Millis value); ///< As a person writes it: "70m", not "1h10m0s".
[[nodiscard]] std::string text_of(std::uint64_t value);
[[nodiscard]] std::string text_of(LogFormat value);
[[nodiscard]] std::string text_of(LogLevel value);
[[nodiscard]] std::string text_of(Pull value);
[[nodiscard]] std::string text_of(SlotTransport value);
[[nodiscard]] std::string text_of(JobMetadata value);

} // namespace slipway::launcher
