#pragma once

#include "common/result.h"
#include "launcher/registry/docker_config.h"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// How a credential helper is run.
struct HelperSettings {
    std::vector<std::pair<std::string, std::string>> environment; ///< PATH and what the helper needs.
    std::chrono::milliseconds deadline{10'000};
};

/// Asks `docker-credential-NAME get` for the login of a registry
/// (github.com/docker/docker-credential-helpers, "Usage"): the registry's address on standard input, JSON on
/// standard output. Empty: the helper has none. A failure says what is wrong with the helper and how to try
/// it by hand, and shows nothing that the helper wrote: it may be a secret. Codes: `timed_out`, `cancelled`,
/// `internal`.
[[nodiscard]] Result<std::optional<StoredLogin>> ask_helper(
    std::string_view name, std::string_view registry, const HelperSettings& settings, std::stop_token stop);

/// The helper's answer. Fails with `invalid_input`.
[[nodiscard]] Result<StoredLogin> parse_helper_answer(std::string_view json);

} // namespace slipway::launcher
