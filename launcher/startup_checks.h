#pragma once

#include "common/result.h"
#include "docker-client/engine.h"
#include "launcher/exit_codes.h"
#include "launcher/identity.h"

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string_view>

/// What must hold before the launcher can work. Each check that fails gives its own message, which names the
/// variable and the remedy, and its own exit code.
namespace slipway::launcher {

/// Where DOCKER_HOST is, with the files of DOCKER_CERT_PATH if TLS is asked for.
[[nodiscard]] Checked<docker::Endpoint> check_docker_address(const Config& config);

/// Reaches the engine once.
[[nodiscard]] Checked<docker::Engine> check_docker(const docker::Endpoint& endpoint, std::stop_token stop);

/// Docker takes the text of a seccomp profile, and the operator names its file: puts one in place of the
/// other.
[[nodiscard]] std::optional<Refusal> read_seccomp_profiles(JobResources& job);

/// Makes the state directory if there is none, and asks whether this user may write and execute files in it.
/// One that holds something else is refused, since the journal makes its directory private.
[[nodiscard]] std::optional<Refusal> check_state_directory(const std::filesystem::path& directory);

/// Why `Engine::create` failed: `conflict` means that another launcher holds the state directory; a message
/// with kDockerFailed lies with Docker, all others with the state directory.
[[nodiscard]] Refusal engine_refusal(const Error& error);

/// Why a registration that failed with `rejected` will not succeed when it is repeated.
[[nodiscard]] Refusal registration_refusal(const Error& error, std::string_view url);

/// No core dumps, and no other process of this user may read our memory (prctl(2), PR_SET_DUMPABLE).
[[nodiscard]] Result<void> protect_memory();

} // namespace slipway::launcher
