#pragma once

#include "test/support/world.h"

#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace slipway::bench {

using Time = std::chrono::steady_clock::time_point;

/// A FIFO in a directory of its own, for containers to mount: the first byte that a command writes into it
/// shows at once, whatever has yet to happen to its log.
class Pipe {
public:
    explicit Pipe(std::filesystem::path directory);

    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

    /// Takes the next byte; when it came. Throws after `deadline`.
    [[nodiscard]] Time wait(std::chrono::milliseconds deadline) const;

private:
    std::filesystem::path directory_;
    UniqueFd reader_;
};

/// When each step of the launcher was taken first. Thread-safe.
class Steps {
public:
    void take(std::string_view step);
    void clear();
    /// Throws when it was not taken.
    [[nodiscard]] Time at(const std::string& step) const;
    [[nodiscard]] std::map<std::string, Time, std::less<>> all() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, Time, std::less<>> times_;
};

struct OwnLauncherSettings {
    int capacity = 1;
    int warm = 0; ///< How many slots it keeps idle.
    std::filesystem::path mounted; ///< A directory that jobs find as /bench; empty: none.
    std::string docker_host; ///< As for DOCKER_HOST; empty: the machine's engine.
    std::string network; ///< Of jobs; empty: the engine's default.
};

/// The launcher's engine in this process, with a world's control plane behind it over HTTPS: as
/// slipway-launcher builds it, with a hook. Failures are thrown as std::runtime_error.
class OwnLauncher {
public:
    OwnLauncher(test::World& world, const OwnLauncherSettings& settings);
    OwnLauncher(const OwnLauncher&) = delete;
    OwnLauncher& operator=(const OwnLauncher&) = delete;
    /// Drains it.
    ~OwnLauncher();

    [[nodiscard]] Steps& steps() noexcept { return steps_; }

    [[nodiscard]] bool keeps_warm() const noexcept { return warm_ != 0; }

    /// Until it holds no stage and as many slots are idle as shall be, if one was used already.
    void wait_at_rest() const;

private:
    struct Parts;
    std::size_t warm_;
    Steps steps_;
    std::unique_ptr<Parts> parts_;
    std::future<void> end_;
};

} // namespace slipway::bench
