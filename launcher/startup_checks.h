#pragma once

#include "common/clock.h"
#include "common/result.h"
#include "common/secret.h"
#include "crypto/key.h"
#include "docker-client/engine.h"
#include "launcher/config.h"
#include "launcher/exit_codes.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

/// What must hold before the launcher can work. Each check that fails gives its own message, which names the
/// variable and the remedy, and its own exit code.
namespace slipway::launcher {

template <class T> using Checked = std::variant<T, Refusal>;

/// Who the launcher is and whom it talks to: token and key, found to fit each other.
struct Identity {
    std::string url; ///< https://host:port
    std::string pool_id;
    std::string certificate_pem;
    std::string ca_pem; ///< Empty: the system's trust store.
    crypto::PrivateKey private_key;
    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;
};

[[nodiscard]] Checked<Identity> check_identity(const Config& config, const Clock& clock);

/// Reaches the engine of DOCKER_HOST once.
[[nodiscard]] Checked<docker::Engine> check_docker(std::string_view docker_host, std::stop_token stop);

/// Makes the state directory if there is none, and asks whether this user may write and execute files in it.
/// One that holds something else is refused, since the journal makes its directory private.
[[nodiscard]] std::optional<Refusal> check_state_directory(const std::filesystem::path& directory);

/// Why `Engine::create` failed: `conflict` means that another launcher holds the state directory; a message
/// with kDockerFailed lies with Docker, all others with the state directory.
[[nodiscard]] Refusal engine_refusal(const Error& error);

/// Why a registration that failed with `rejected` will not succeed when it is repeated.
[[nodiscard]] Refusal registration_refusal(const Error& error, std::string_view url);

/// Compares the clocks after a registration. More than a minute apart gives a warning; a clock by which the
/// certificate would not be valid for the server, a refusal; so does a certificate that has expired by both.
struct ClockCheck {
    std::optional<std::string> warning;
    std::optional<Refusal> refusal;
};

[[nodiscard]] ClockCheck check_clock(const Identity& identity, std::chrono::system_clock::time_point ours,
    std::chrono::system_clock::time_point servers);

/// No core dumps, and no other process of this user may read our memory (prctl(2), PR_SET_DUMPABLE).
[[nodiscard]] Result<void> protect_memory();

} // namespace slipway::launcher
