#pragma once

#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"
#include "test/unit/http-client/test_ca.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace slipway::cli::test {

/// What a command wrote, and its exit code.
struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

/// Runs `work`, whose value is the exit code, and keeps what goes to standard output and standard error.
Outcome captured(const std::function<int()>& work);

/// A server that answers as a test wants, and an account at it for the commands of this process. One at a
/// time. Throws std::runtime_error when it cannot be set up.
class CommandWorld {
public:
    /// Called for each connection, as RawHttpServer::Script.
    explicit CommandWorld(slipway::test::RawHttpServer::Script script);
    /// Answers each request with what `answer` makes of it.
    explicit CommandWorld(std::function<std::string(const std::string& request)> answer);
    CommandWorld(const CommandWorld&) = delete;
    CommandWorld& operator=(const CommandWorld&) = delete;
    ~CommandWorld();

    /// `slipway` with these arguments.
    Outcome run(std::vector<std::string> arguments);

    [[nodiscard]] slipway::test::RawHttpServer& server() { return server_; }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

private:
    slipway::test::TempDir directory_;
    slipway::test::TestCa ca_;
    slipway::test::RawHttpServer server_;
};

} // namespace slipway::cli::test
