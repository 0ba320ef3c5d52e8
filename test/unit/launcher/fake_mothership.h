#pragma once

#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/pool_fixture.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace slipway::test {

/// The least of a control plane that a launcher needs to become ready: it registers it and has nothing for it
/// to do. Polls are held for the time they ask for, at most.
class FakeMothership {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// With a server certificate of the pool's authority.
    explicit FakeMothership(const PoolFixture& pool);
    FakeMothership(const FakeMothership&) = delete;
    FakeMothership& operator=(const FakeMothership&) = delete;
    ~FakeMothership();

    [[nodiscard]] std::string url() const { return server_->url(); }

    /// What a registration is answered with from now on.
    void answer_registrations(int status, std::string body);

    /// When the first poll since the last call of this came; empty after `deadline`.
    std::optional<Time> wait_for_poll(std::chrono::milliseconds deadline);

    /// All requests that were received, in their order.
    [[nodiscard]] std::vector<std::string> requests() const { return server_->requests(); }

    /// Whether a worker signed off.
    [[nodiscard]] bool signed_off();

private:
    void serve(RawHttpServer::Connection& peer);
    std::string answer(const std::string& request);

    TempDir directory_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string registration_;
    std::optional<Time> poll_;
    bool signed_off_ = false;
    bool stopping_ = false;
    std::unique_ptr<RawHttpServer> server_;
};

/// The answer to a registration, by a server whose clock says `wall`.
[[nodiscard]] std::string registration_answer(std::chrono::system_clock::time_point wall);

} // namespace slipway::test
