#pragma once

#include "common/http/http_server.h"
#include "test/support/temp_dir.h"

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace slipway::test {

/// A server on a free port of loopback that runs until this object ends.
class RunningServer {
public:
    explicit RunningServer(http::Router router, http::ServerOptions options = {});
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;
    ~RunningServer();

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

    [[nodiscard]] http::ServerStats stats() const { return server_->stats(); }

    http::Topics& topics() { return *topics_; }

    Result<void> replace_tls(const http::ServerTls& tls) { return server_->replace_tls(tls); }

    void stop() { server_->stop(); }

    /// Returns when `run` has.
    void join();

    /// All that was logged so far.
    [[nodiscard]] std::string log() const;

private:
    TempDir directory_;
    UniqueFd log_file_;
    SystemClock clock_;
    std::unique_ptr<LogSink> sink_;
    std::unique_ptr<http::Topics> topics_ = std::make_unique<http::Topics>();
    std::unique_ptr<http::Server> server_;
    std::jthread thread_;
};

/// GET /ok -> "ok", POST /echo -> the body, GET /throw throws.
[[nodiscard]] http::Router small_router();

/// Whether `condition` came true within 20 s.
[[nodiscard]] bool comes_true(const std::function<bool()>& condition);

} // namespace slipway::test
