#pragma once

#include "common/result.h"

#include <compare>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::docker {

inline constexpr std::string_view kDefaultSocket = "/var/run/docker.sock";

/// Where an engine listens.
class Endpoint {
public:
    /// Reads the value of DOCKER_HOST; empty means the default socket. Only unix:// with an absolute path is
    /// spoken; anything else fails with `invalid_input` and says so.
    static Result<Endpoint> parse(std::string_view docker_host);

    [[nodiscard]] const std::string& socket_path() const noexcept { return socket_path_; }

    /// As it is written in DOCKER_HOST.
    [[nodiscard]] std::string text() const { return "unix://" + socket_path_; }

private:
    explicit Endpoint(std::string socket_path)
        : socket_path_{std::move(socket_path)}
    {
    }

    std::string socket_path_;
};

/// A version of the Docker Engine API, e.g. 1.41.
struct ApiVersion {
    int major = 0;
    int minor = 0;

    static Result<ApiVersion> parse(std::string_view text);

    [[nodiscard]] std::string text() const { return std::to_string(major) + "." + std::to_string(minor); }

    auto operator<=>(const ApiVersion&) const = default;
};

/// Docker 20.10, the first with all calls used here.
inline constexpr ApiVersion kOldestApi{1, 41};
/// Docker 28.3; a newer engine is spoken to in this version.
inline constexpr ApiVersion kNewestApi{1, 51};

/// An engine that was reached once, and the API version to speak with it. A value; any number of `Docker`
/// objects can be made from it.
struct Engine {
    Endpoint endpoint;
    ApiVersion api;
};

/// Asks the engine for its version (GET /_ping) and settles on one. Also a cheap check that the engine lives.
/// Fails with `not_found` (no socket there), `rejected` (no permission to use the socket), `unreachable`
/// (nobody listens), `timed_out` (it does not answer within `deadlines::kPing`), `invalid_input` (older than
/// `kOldestApi`, or not a Docker engine), `cancelled`.
[[nodiscard]] Result<Engine> connect(const Endpoint& endpoint, std::stop_token stop);

} // namespace slipway::docker
