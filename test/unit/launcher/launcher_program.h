#pragma once

#include "common/base64.h"
#include "common/file.h"
#include "launcher/exit_codes.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/fake_mothership.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway::test {

inline constexpr std::chrono::seconds kSoon{30};

inline const PoolFixture& pool()
{
    static const PoolFixture fixture{std::chrono::system_clock::now()};
    return fixture;
}

/// The real program on a state directory of its own.
class Launcher {
public:
    explicit Launcher(const std::string& url)
    {
        variables_ = {{"SPACELIFT_TOKEN", pool().token()},
            {"SPACELIFT_POOL_PRIVATE_KEY", pool().key_base64()}, {"SPACELIFT_WORKER_COMMS_URL", url},
            {"SLIPWAY_STATE_DIR", (directory_.path() / "state").string()}, {"SLIPWAY_LOG_FORMAT", "logfmt"},
            // Killed while it tries out how slots are made, it would leave a container.
            {"SLIPWAY_SLOT_TRANSPORT", "socket"}};
    }

    Launcher& with(const std::string& name, const std::string& value)
    {
        std::erase_if(variables_, [&](const auto& variable) { return variable.first == name; });
        variables_.emplace_back(name, value);
        return *this;
    }

    [[nodiscard]] Process start(const std::vector<std::string>& flags = {}) const
    {
        std::vector<std::string> argv{SLIPWAY_BIN_DIR "/slipway-launcher"};
        argv.insert(argv.end(), flags.begin(), flags.end());
        auto process = Process::start({.argv = argv, .env = variables_, .directory = {}, .log = log_path()});
        REQUIRE(process);
        return *std::move(process);
    }

    /// Runs it to its end.
    [[nodiscard]] int exit_code(const std::vector<std::string>& flags = {}) const
    {
        auto process = start(flags);
        const auto code = process.wait(kSoon);
        INFO(log());
        REQUIRE(code);
        return *code;
    }

    [[nodiscard]] std::string log() const { return read_file(log_path(), 1 << 24).value_or(""); }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

private:
    [[nodiscard]] std::filesystem::path log_path() const { return directory_.path() / "log"; }

    TempDir directory_;
    std::vector<std::pair<std::string, std::string>> variables_;
};

inline bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

/// An address where nobody listens: the port of a server that is gone.
inline std::string nobody()
{
    return RawHttpServer{[](RawHttpServer::Connection&) {}}.url().replace(0, 4, "https");
}

inline bool comes_true(const std::function<bool()>& condition)
{
    const auto end = std::chrono::steady_clock::now() + kSoon;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::yield();
    }
    return true;
}

} // namespace slipway::test
