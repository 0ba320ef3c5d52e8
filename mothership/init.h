#pragma once

#include "common/clock.h"
#include "common/random.h"
#include "crypto/ca.h"
#include "mothership/data_directory.h"
#include "mothership/options.h"

#include <cstdint>
#include <string>

namespace slipway::mothership {

/// What `init` decided, as kept in config.json.
struct Config {
    std::string name;
    std::string endpoint; ///< https://host:port, without a slash at the end.
    std::string host; ///< Of the endpoint.
    std::uint16_t port = 0;
};

/// Makes the data directory and returns what to tell the operator. A directory that is ready, or that holds
/// anything foreign, is left alone (`conflict`); one whose making was cut off is made anew.
[[nodiscard]] Result<std::string> init_data_directory(
    const InitOptions& options, const Clock& clock, Random& random);

/// Writes a new server certificate with its new key, good for the endpoint's host: one file, so that they
/// always fit.
[[nodiscard]] Result<void> issue_server_certificate(const DataDirectory& directory, const Config& config,
    const crypto::CertificateAuthority& authority, const Clock& clock, Random& random);

[[nodiscard]] Result<Config> read_config(const std::filesystem::path& file);

/// An https URL with a host and nothing behind the port.
[[nodiscard]] Result<Config> parse_endpoint(const std::string& endpoint);

} // namespace slipway::mothership
