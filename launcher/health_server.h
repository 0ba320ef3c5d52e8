#pragma once

#include "common/log.h"
#include "common/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::launcher {

struct HealthAddress {
    std::string address; ///< Numeric.
    std::uint16_t port = 0;

    bool operator==(const HealthAddress&) const = default;
};

/// Reads "host:port", "[v6]:port", ":port" or "port"; without a host it is the loopback address, and
/// "localhost" is the only name. Fails with `invalid_input`, and says what it expects.
[[nodiscard]] Result<HealthAddress> read_health_address(std::string_view text);

/// What the answers are made of; called by the server's threads.
struct HealthSource {
    std::function<std::string()> metrics; ///< Prometheus' text format 0.0.4.
    std::function<std::string()> not_ready; ///< Why nothing is taken, a line each; empty: ready.
    std::function<std::string()> not_healthy; ///< What has stopped working in the process itself.
};

/// Answers over plain HTTP to whoever can connect, with nothing that is secret:
///
///   GET /healthz  200 while the launcher's loops go on, else 503 with the reason
///   GET /readyz   200 when it would take the next stage, else 503 with the reasons
///   GET /metrics
///
/// Uses no thread and no memory unless it is asked for.
class HealthServer {
public:
    /// Listens at once. `conflict`: the address is in use. `logger`'s sink outlives it.
    static Result<HealthServer> listen(
        const HealthAddress& address, HealthSource source, const Logger& logger);

    HealthServer(HealthServer&&) noexcept;
    HealthServer& operator=(HealthServer&&) noexcept;
    ~HealthServer();

    [[nodiscard]] std::uint16_t port() const noexcept;

private:
    struct Parts;
    explicit HealthServer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace slipway::launcher
