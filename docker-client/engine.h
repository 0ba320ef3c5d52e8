#pragma once

#include "common/http/http_client.h"
#include "common/result.h"

#include <compare>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::docker {

inline constexpr std::string_view kDefaultSocket = "/var/run/docker.sock";

/// Where an engine listens, and how both sides of a TCP connection prove themselves.
class Endpoint {
public:
    /// Reads the value of DOCKER_HOST; empty means the default socket. unix:// with an absolute path and
    /// tcp://host[:port] are spoken (port 2375, with TLS 2376, as the docker command has it); anything else
    /// fails with `invalid_input` and says so.
    static Result<Endpoint> parse(std::string_view docker_host);

    /// The same over TLS, with the files that the docker command reads in DOCKER_CERT_PATH: `ca.pem`, the
    /// only authority that is trusted, and `cert.pem` with `key.pem`, which the engine is shown; those two
    /// may be missing. Fails with `invalid_input`, naming the file, and for a Unix socket.
    [[nodiscard]] Result<Endpoint> with_tls(const std::filesystem::path& directory) const;

    /// Empty: TCP.
    [[nodiscard]] const std::string& socket_path() const noexcept { return socket_path_; }

    /// As it is written in DOCKER_HOST.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }

    /// For a client of this engine; never through a proxy.
    [[nodiscard]] http::ClientOptions client_options() const;

private:
    Endpoint() = default;

    std::string text_;
    std::string socket_path_;
    std::string authority_; ///< "host" or "host:port"; empty: a socket.
    bool has_port_ = false;
    std::shared_ptr<const http::TlsOptions> tls_;
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
    /// What it calls itself, with its version: "Docker/20.10.24 (linux)"; empty: nothing. `Docker::info`,
    /// which tells the version as well, keeps an engine busy for ten milliseconds: it asks all its programs
    /// for theirs.
    std::string name{};
};

/// Asks the engine for its version (GET /_ping) and settles on one. Also a cheap check that the engine lives.
/// Fails with `not_found` (no socket there), `rejected` (no permission to use the socket; over TLS: one side
/// does not trust the other), `unreachable` (nobody listens), `timed_out` (it does not answer within
/// `deadlines::kPing`), `invalid_input` (older than `kOldestApi`, or not a Docker engine), `cancelled`.
[[nodiscard]] Result<Engine> connect(const Endpoint& endpoint, std::stop_token stop);

} // namespace slipway::docker
