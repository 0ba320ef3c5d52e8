#pragma once

#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace slipway::test {

/// A Redis, or a Sentinel, of the test's own with a directory of its own, on a free port of 127.0.0.1 and on
/// a Unix socket. Failures are thrown as std::runtime_error.
class RedisServer {
public:
    /// `settings` are lines of redis.conf.
    explicit RedisServer(std::string settings = {}, bool sentinel = false);

    /// Until it answers.
    void start();

    /// kill -9; what it held is written first when the settings say so.
    void stop() { process_.reset(); }

    void signal(int signal) const { process_->signal(signal); }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// "127.0.0.1:port"
    [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

    [[nodiscard]] std::filesystem::path socket() const { return directory_.path() / "socket"; }

    /// What redis-cli prints for a command, without its last line end; through the Unix socket.
    std::string cli(const std::vector<std::string>& words) const;
    /// Waits until a command prints what is wanted.
    void await(const std::vector<std::string>& words, const std::string& wanted) const;

private:
    Result<std::string> try_cli(const std::vector<std::string>& words) const;

    TempDir directory_;
    bool sentinel_;
    std::uint16_t port_;
    std::optional<Process> process_;
};

} // namespace slipway::test
