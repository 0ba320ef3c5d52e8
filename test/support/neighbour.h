#pragma once

#include "test/support/world.h"

#include <string>
#include <utility>
#include <vector>

namespace slipway::test {

/// One more launcher of a world's pool, on the world's engine, with a state directory and a log of its own.
/// It is killed when destroyed, and its containers are removed. Failures are thrown as std::runtime_error.
class Neighbour {
public:
    /// Starts it with `extra` in its environment, and waits until it is ready. The world outlives it.
    explicit Neighbour(const World& world, std::vector<std::pair<std::string, std::string>> extra = {});
    Neighbour(const Neighbour&) = delete;
    Neighbour& operator=(const Neighbour&) = delete;
    ~Neighbour();

    /// Again, on the same state directory.
    void start();
    void kill();

    /// To its end by TERM: with what it holds done.
    void leave();

    [[nodiscard]] std::filesystem::path state_directory() const { return directory_.path() / "state"; }

    [[nodiscard]] std::string log() const;

    /// Ids of its containers, running or not.
    [[nodiscard]] std::vector<std::string> containers() const
    {
        return world_.containers_of(state_directory());
    }

private:
    const World& world_;
    const std::vector<std::pair<std::string, std::string>> extra_;
    TempDir directory_;
    std::optional<Process> process_;
};

} // namespace slipway::test
