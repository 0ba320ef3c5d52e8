#pragma once

#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <optional>
#include <string>
#include <vector>

namespace slipway::test {

/// A Docker Engine of the test's own, for tests that kill or hang it: dockerd with root, socket and process
/// directory of its own and on a bridge of its own, so that it touches neither the machine's engine nor its
/// bridge and firewall rules: one that is told to have no bridge removes docker0. Containers live on when it
/// is killed (`live-restore`). A container around it was rejected: it would need a system image of 280 MB,
/// and a capability that many machines give to nobody. It needs root. What runs in it is ended with it.
/// Failures are thrown as std::runtime_error.
class OwnEngine {
public:
    /// What the engine and its containers see of a machine that has both trees of cgroups. Some runtimes
    /// refuse to work with two.
    enum class Cgroups { both, v1_alone };

    /// What a command is started by that is to see the tree of version 1 alone; empty where there are not
    /// two.
    [[nodiscard]] static std::vector<std::string> with_cgroups_v1_alone();

    /// `arguments`: of dockerd, beside its own.
    explicit OwnEngine(std::vector<std::string> arguments = {}, Cgroups cgroups = Cgroups::both);
    OwnEngine(const OwnEngine&) = delete;
    OwnEngine& operator=(const OwnEngine&) = delete;
    ~OwnEngine();

    /// As for DOCKER_HOST.
    [[nodiscard]] std::string host() const;
    /// SIGKILL; containers live on.
    void kill();
    /// TERM, and until it has ended.
    void stop();
    /// Stops it in mid-step, and lets it go on: it hangs in between.
    void freeze();
    void thaw();
    /// Again on the same directory; until it answers.
    void start();

private:
    const std::vector<std::string> arguments_;
    const Cgroups cgroups_;
    std::string bridge_;
    TempDir directory_;
    std::optional<Process> daemon_;
};

} // namespace slipway::test
