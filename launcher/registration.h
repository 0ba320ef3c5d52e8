#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/result.h"
#include "launcher/backend.h"
#include "launcher/startup_checks.h"

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Registers the launcher with its backend: says when it is ready, compares the clocks, and keeps the reason
/// why a start cannot succeed. Thread-safe.
class Registration {
public:
    /// The ready line is written to `output`. `backend` and `clock` outlive this.
    Registration(
        Backend& backend, Identity identity, int capacity, const Clock& clock, Logger logger, int output);

    /// `Backend::enroll`. `rejected` also when by the server's clock the pool's certificate is not valid.
    Result<protocol::RegisterResponse> enroll(const protocol::RegisterRequest& request, std::stop_token stop);

    /// Of the same pool, with other keys or another certificate.
    void replace(Identity identity);

    /// Why the newest registration was rejected, if it was.
    [[nodiscard]] std::optional<Refusal> refusal() const;

private:
    void announce(const protocol::RegisterResponse& response);

    Backend& backend_;
    const int capacity_;
    const Clock& clock_;
    const Logger logger_;
    const int output_;
    mutable std::mutex mutex_;
    Identity identity_; // This and the next two are guarded by mutex_.
    bool announced_ = false;
    std::optional<Refusal> refusal_;
};

/// "slipway-launcher is ready: pool "demo" (01J…), worker 01J…, https://host, capacity 1" and a line end.
[[nodiscard]] std::string ready_line(
    const protocol::RegisterResponse& response, std::string_view url, int capacity);

} // namespace slipway::launcher
