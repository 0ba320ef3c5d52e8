#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "docker-client/docker.h"
#include "launcher/engine_settings.h"
#include "launcher/slot/slot.h"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace slipway::launcher {

/// How the names of containers begin that are made for a check; they are gone when it is over.
inline constexpr std::string_view kCheckNames = "slipway-check-";

struct TransportCheckSettings {
    docker::Engine engine;
    SlotTransport wanted = SlotTransport::automatic;
    std::string runtime;
    std::string boot_id;
    docker::StringPairs labels; ///< Of the containers that it makes.
    std::filesystem::path state_directory; ///< Holds the answer, in `transport`, and the slots.
    std::filesystem::path state_on_host; ///< The same as the engine's host names it.
    std::filesystem::path init_file;
};

/// Finds out how frames reach a slot: by the socket where one reaches, else by stdin and stdout. It tries
/// both with an image of ours that is empty, once for each version of the engine, runtime and boot of the
/// host; the answer is remembered. A thread of its own does it, so that nothing waits at the start; an answer
/// that is remembered and asks nothing of the engine is there at once.
/// Thread-safe.
class TransportCheck {
public:
    /// How long a slot of an empty image may take to connect.
    static constexpr std::chrono::seconds kConnect{10};
    /// How long the end of a check waits for the engine: what that was asked to make it makes, also when
    /// nobody is there for its answer, and then nobody removes it.
    static constexpr std::chrono::seconds kAnswer{10};

    /// What slots are made with; `stdio` is empty for the socket.
    struct Answer {
        std::optional<slot::StdioPlace> stdio;
    };

    /// Starts the thread; `on_known` is called once, from it, and never when the answer is known already.
    /// `clock`, `random` and the logger's sink outlive it.
    TransportCheck(TransportCheckSettings settings, const Clock& clock, Random& random, Logger logger,
        std::function<void()> on_known);
    TransportCheck(const TransportCheck&) = delete;
    TransportCheck& operator=(const TransportCheck&) = delete;
    /// Ends the check and removes what it has made.
    ~TransportCheck();

    [[nodiscard]] bool known() const;
    /// "socket" or "stdio"; empty: not known yet.
    [[nodiscard]] std::string_view name() const;
    /// Waits for the answer; `cancelled` when stopped.
    [[nodiscard]] Result<Answer> answer(std::stop_token stop);

private:
    void run(std::stop_token stop);
    Result<Answer> find(std::stop_token stop);
    Result<Answer> stdio(docker::Docker& docker);
    Result<void> try_slot(docker::Docker& docker, const Answer& answer, std::stop_token stop);
    [[nodiscard]] std::string remembered(const std::string& version) const;
    void remember(const std::string& version, SlotTransport found) const;

    TransportCheckSettings settings_;
    const Clock& clock_;
    Random& random_;
    Logger logger_;
    std::function<void()> on_known_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<Answer> answer_;
    bool over_ = true; ///< The thread has nothing more to remove.
    std::stop_source late_; ///< For calls that make something.
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::launcher
