#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "launcher/vela/worker_api.h"
#include "test/unit/http-server/raw_client.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway::test {

/// A worker's API on free ports, and what it was asked.
class RunningApi {
public:
    explicit RunningApi(vela::WorkerApiOptions options = {});

    [[nodiscard]] std::uint16_t port() const { return api_->port(); }

    [[nodiscard]] std::optional<std::uint16_t> plain_port() const { return api_->plain_port(); }

    /// One request over plain HTTP; the authorization is a header's whole value or empty.
    [[nodiscard]] RawReply ask(
        const std::string& method, const std::string& path, const std::string& authorization = {}) const;

    /// Ends it: what waits gives up.
    void end() { api_.reset(); }

    // What the hooks answer; set before the call.
    std::vector<vela::ExecutorView> executors;
    Result<void> valid{};
    vela::Registered registered = vela::Registered::taken;
    std::string not_ready;
    std::function<Result<std::string>(int, std::stop_token)> cancel;
    std::function<void(std::stop_token)> while_validating; ///< May be empty.

    // What they were asked.
    std::vector<std::string> validated;
    std::vector<std::string> tokens;
    std::atomic<int> validating = 0;

private:
    [[nodiscard]] vela::WorkerApiHooks hooks();

    SystemClock clock_;
    LogSink sink_{2, LogFormat::logfmt, LogLevel::error, clock_};
    std::mutex mutex_;
    std::unique_ptr<vela::WorkerApi> api_; ///< Last: it calls the hooks.
};

/// The value of a header of a reply's head; "(none)".
[[nodiscard]] std::string header_of(const std::string& head, const std::string& name);

} // namespace slipway::test
