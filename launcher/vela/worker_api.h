#pragma once

#include "common/log.h"
#include "common/result.h"
#include "common/secret.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::vela {

/// A place for a build, as the server sees it.
struct ExecutorView {
    int id = 0;
    std::string build; ///< JSON.
    std::string repo; ///< JSON.
    std::string pipeline; ///< JSON without secrets.
};

enum class Registered : std::uint8_t {
    taken,
    already, ///< An earlier token is still unread, or the worker has one.
    wrong_host, ///< The token is for another worker.
    unreadable, ///< It is no token.
};

/// What the API asks of the worker; each is called by threads of the server.
struct WorkerApiHooks {
    /// Whether a bearer token is the server's own: `rejected` when not.
    std::function<Result<void>(const Secret& token, std::stop_token stop)> validate;
    std::function<Registered(const Secret& token)> on_register;
    std::function<std::vector<ExecutorView>()> executors;
    /// Cancels what runs there; returns the build as JSON once its containers are gone. `not_found`: no such
    /// place.
    std::function<Result<std::string>(int executor, std::stop_token stop)> cancel;
    std::function<std::string()> metrics;
    std::function<std::string()> not_ready; ///< Why the worker takes nothing; empty: it does.
};

struct WorkerApiOptions {
    std::string address = "::"; ///< Numeric.
    std::uint16_t port = 0;
    bool https = false;
    std::string certificate_chain; ///< PEM; empty with https: a self-signed one is made.
    Secret private_key;
    std::string tls_min_version = "1.2";
    /// Serve plain HTTP there, too (https without a certificate); nothing: do not.
    std::optional<std::uint16_t> plain_port;
    /// Whom the token of a registration must be for, case and all; named in the self-signed certificate, too.
    std::string hostname;
    std::string version; ///< Of this program.
};

/// The worker's own HTTP API (section by section as the original's: /health, /version, /metrics, /register,
/// /api/v1/…). Serves until destroyed. Thread-safe.
class WorkerApi {
public:
    /// `conflict`: the port is in use, and which.
    static Result<std::unique_ptr<WorkerApi>> listen(
        WorkerApiOptions options, WorkerApiHooks hooks, const Logger& logger);
    virtual ~WorkerApi() = default;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    [[nodiscard]] virtual std::optional<std::uint16_t> plain_port() const = 0;
};

/// The version object that `GET /version` answers and the start prints.
[[nodiscard]] std::string version_json(std::string_view version);

} // namespace slipway::vela
