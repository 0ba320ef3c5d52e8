#pragma once

#include "common/result.h"
#include "launcher/vela/options.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How the values of options are written. Readers fail with `invalid_input` and say what is expected.
namespace slipway::vela {

[[nodiscard]] Result<void> read_worker_address(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_server_address(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_queue_address(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_queue_driver(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_executor_driver(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_runtime_driver(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_volumes(Options& options, std::string_view text);
[[nodiscard]] Result<void> read_dropped_capabilities(Options& options, std::string_view text);

[[nodiscard]] LogFormat read_log_format(std::string_view text);
[[nodiscard]] LogLevel read_log_level(std::string_view text); ///< What is not known: info.
[[nodiscard]] bool is_log_level(std::string_view text);
[[nodiscard]] bool is_tls_version(std::string_view text);

/// An enum, since `Result<bool>` invites mistakes.
enum class Truth : bool { no, yes };
/// "1 t T true True TRUE 0 f F false False FALSE"
[[nodiscard]] Result<Truth> read_truth(std::string_view text);

/// Go's syntax; `least` and more, at most ten years.
[[nodiscard]] Result<std::chrono::milliseconds> read_time_span(
    std::string_view text, std::chrono::milliseconds least);

/// A whole number.
[[nodiscard]] Result<std::int64_t> read_number(std::string_view text, std::int64_t least, std::int64_t most);

/// Entries between commas, as they are; empty ones are left out.
[[nodiscard]] std::vector<std::string> read_list(std::string_view text);

} // namespace slipway::vela
