#pragma once

#include "common/http/http_client.h"
#include "common/result.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace slipway::launcher {

/// A poll on a thread of its own, so that one that is not waited for any more need not be torn off: the
/// server ends it when the next one comes, and its connection is kept.
class PollCall {
public:
    using Send = std::function<Result<http::ClientResponse>(std::stop_token)>;

    /// Starts `send` on the thread. Throws std::system_error if there can be no thread.
    explicit PollCall(Send send);
    PollCall(const PollCall&) = delete;
    PollCall& operator=(const PollCall&) = delete;
    /// Stops what is under way and waits for its end.
    ~PollCall() = default;

    /// Waits for the answer. Nothing: `stop` came first, and the call goes on. Once only.
    std::optional<Result<http::ClientResponse>> wait(std::stop_token stop);

    [[nodiscard]] bool over() const;

private:
    mutable std::mutex mutex_;
    std::condition_variable_any answered_;
    std::optional<Result<http::ClientResponse>> answer_; ///< Guarded by mutex_.
    bool over_ = false; ///< Guarded by mutex_.
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::launcher
