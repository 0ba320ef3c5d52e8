#pragma once

#include "common/clock.h"
#include "common/result.h"
#include "common/secret.h"
#include "crypto/key.h"
#include "launcher/config.h"
#include "launcher/exit_codes.h"

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace slipway::launcher {

template <class T> using Checked = std::variant<T, Refusal>;

/// Who the launcher is and whom it talks to: token and key, found to fit each other.
struct Identity {
    std::string url; ///< https://host:port
    std::string pool_id;
    std::string certificate_pem;
    std::string ca_pem; ///< Empty: the system's trust store.
    crypto::PrivateKey private_key; ///< The certificate's.
    std::vector<crypto::PrivateKey> private_keys; ///< All, that one too; the first one seals.
    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;
};

/// How many private keys the texts hold, whether they can be read or not.
[[nodiscard]] std::size_t count_private_keys(const Config& config);

[[nodiscard]] Checked<Identity> check_identity(const Config& config, const Clock& clock);

/// Compares the clocks after a registration. More than a minute apart gives a warning; a clock by which the
/// certificate would not be valid for the server, a refusal; so does a certificate that has expired by both.
struct ClockCheck {
    std::optional<std::string> warning;
    std::optional<Refusal> refusal;
};

[[nodiscard]] ClockCheck check_clock(const Identity& identity, std::chrono::system_clock::time_point ours,
    std::chrono::system_clock::time_point servers);

} // namespace slipway::launcher
