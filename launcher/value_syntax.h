#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How values are written. All readers are pure; they fail with `invalid_input`, repeat the value and say
/// what is expected.
namespace slipway::launcher {

/// In double quotes, for messages.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// Without white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// What POSIX calls a name (XBD 3.235).
[[nodiscard]] bool is_variable_name(std::string_view text);

/// "a, b,,c": the entries between commas, trimmed; empty ones are left out.
[[nodiscard]] std::vector<std::string_view> list_entries(std::string_view text);

/// A whole number within [least, most].
[[nodiscard]] Result<std::int64_t> read_whole(std::string_view text, std::int64_t least, std::int64_t most);

/// "512MiB", "2g", "1048576", "none" (0). Units are powers of 1024, as Docker's are; "k", "kb" and "kib" mean
/// the same.
[[nodiscard]] Result<std::uint64_t> read_size(std::string_view text);

/// The shortest text that `read_size` reads as `bytes`; "none" for 0.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// "1.5" CPUs, in 1e-9 of one. At least a hundredth, as Docker wants it; "none": 0.
[[nodiscard]] Result<std::int64_t> read_cpus(std::string_view text);
[[nodiscard]] std::string cpus_text(std::int64_t nano_cpus);

/// "80" or "80%", from 1 to 100; 0 for "none".
[[nodiscard]] Result<int> read_percent(std::string_view text);

/// "host:port" or "[::1]:port" as it is; "port" and ":port" as "127.0.0.1:port".
[[nodiscard]] Result<std::string> read_host_port(std::string_view text);

/// The address of a proxy as libcurl takes it: "[http://|https://|socks5h://…][user:password@]host[:port]".
/// The message repeats no password.
[[nodiscard]] Result<std::string> read_proxy(std::string_view text);

/// `url` without what stands before '@'.
[[nodiscard]] std::string without_password(std::string_view url);

/// ADDITIONAL_ROOT_CAS: base64 of {"caCertificates": [base64 of PEM, …]}. Gives the PEM of all, one after the
/// other. Each must be a certificate; no other member is taken.
[[nodiscard]] Result<std::string> read_root_cas(std::string_view text);

} // namespace slipway::launcher
