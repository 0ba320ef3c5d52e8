#pragma once

#include "test/support/history_checker.h"
#include "test/support/process.h"

#include <chrono>
#include <map>
#include <string>

namespace slipway::test {

/// What an engine says of the containers of launchers, from now on: when each began and when it stopped.
/// Containers are removed while a test goes on, so it listens instead of asking at the end. One thread.
/// Failures that a test cannot go on from are thrown as std::runtime_error.
class ContainerWatch {
public:
    /// `docker_host` as for Docker's own client; empty: its default.
    explicit ContainerWatch(std::string docker_host);

    /// Listens again: an engine that ended has ended its answer, too.
    void reconnect();
    /// Takes what was said so far. An engine keeps little for those who do not listen: do it now and then.
    void look();
    /// Writes the document of a run that is over, and the containers of its stages, into `history`.
    void record(const std::string& run_json, History& history);
    /// Writes the containers of a stage into `history`, once there was one and all of them are gone.
    void record(const std::string& stage, History::Kind kind, History& history);

private:
    struct Life {
        std::string stage;
        std::int64_t began = 0;
        std::int64_t stopped = 0;
        bool gone = false;
    };

    Result<void> read_event(std::chrono::milliseconds deadline);
    [[nodiscard]] bool all_gone(const std::string& stage) const;

    std::string host_;
    std::string since_;
    std::optional<Process> events_;
    std::map<std::string, Life> lives_; ///< By container.
};

} // namespace slipway::test
