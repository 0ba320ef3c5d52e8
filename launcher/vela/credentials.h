#pragma once

#include "common/clock.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/vela/server.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::vela {

/// The worker's token: the shared secret, or one that a registration brought. The latter is kept in a file
/// (mode 0600) with what the queue needs, so that a restart within its life needs no admin. Thread-safe.
class Credentials {
public:
    /// `secret`: empty for registration. `clock` outlives it.
    Credentials(Secret secret, std::filesystem::path file, const Clock& clock);

    /// Reads what an earlier process kept; an expired token counts as none.
    Result<void> load();

    [[nodiscard]] bool is_shared_secret() const noexcept { return shared_; }

    /// Whether there is a token that has not expired.
    [[nodiscard]] bool has_token() const;
    [[nodiscard]] Secret token() const;
    /// Until the token ends; nothing: it does not, or there is none.
    [[nodiscard]] std::optional<std::chrono::seconds> left() const;

    /// The server gave the next one.
    Result<void> renew(Secret token);
    /// A registration brought a token. False: one is still unread.
    bool offer(Secret token);
    /// Takes an offered token in place of the one that is there; true when there was one.
    bool take_offered();
    /// Waits for an offered token; it becomes the token. `cancelled` when stopped.
    Result<void> wait_offered(std::stop_token stop);
    /// The token is of no use any more.
    void forget();

    [[nodiscard]] std::optional<QueueInfo> queue() const;
    Result<void> set_queue(const QueueInfo& queue);

private:
    Result<void> save(); // mutex_ is held.

    const bool shared_;
    const std::filesystem::path file_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::condition_variable_any offered_changed_;
    Secret token_;
    std::optional<Secret> offered_;
    std::optional<QueueInfo> queue_;
};

} // namespace slipway::vela
