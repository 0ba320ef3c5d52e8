#pragma once

#include "launcher/config.h"

#include <optional>
#include <string>
#include <string_view>

/// Readers of options that are more than one value of one type. Failures are `invalid_input`.
namespace slipway::launcher {

[[nodiscard]] Result<std::vector<AllowedName>> read_allow_list(std::string_view text);
[[nodiscard]] std::string allow_list_text(const std::vector<AllowedName>& names);

[[nodiscard]] Result<std::string> read_comms_protocol(std::string_view text);
[[nodiscard]] Result<std::string> read_observability(std::string_view text);

/// Switches it on, whatever the text.
[[nodiscard]] Result<void> set_tls_verify(Config& config, std::string_view text);
[[nodiscard]] std::string tls_verify_text(const Config& config); ///< Empty: off.

[[nodiscard]] Result<std::optional<int>> read_warm_slots(std::string_view text);
[[nodiscard]] std::string warm_slots_text(std::optional<int> number);

[[nodiscard]] std::string percent_text(int percent); ///< Empty for 0.

[[nodiscard]] Result<void> add_mounts(Config& config, std::string_view text, StageClass stages);

[[nodiscard]] std::string root_cas_text(const std::string& pem); ///< "2 certificates"

[[nodiscard]] Result<void> read_metadata(Config& config, std::string_view name, std::string_view value);
[[nodiscard]] Result<void> read_vcs_name(Config& config, std::string_view number, std::string_view value);
[[nodiscard]] Result<void> read_vcs_endpoint(Config& config, std::string_view number, std::string_view value);

/// Both at once, by the name.
[[nodiscard]] Result<void> read_vcs(Config& config, std::string_view name, std::string_view endpoint);

/// Refuses a name without an endpoint and the reverse, naming the variable that is missing.
[[nodiscard]] Result<void> check_private_vcs(const std::vector<PrivateVcs>& mappings);

} // namespace slipway::launcher
