#pragma once

#include "mothership/control_plane.h"
#include "mothership/runs.h"
#include "mothership/stages.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <memory>
#include <stdexcept>
#include <string>

namespace slipway::test {

/// The value of a result that the test cannot go on without.
template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

/// A control plane on a store in a temporary directory and a clock of the test's own, with one pool, one
/// worker and one stack. The worker's calls are made straight to the stages.
class ControlDesk {
public:
    ControlDesk();

    /// Ends the control plane as a kill does, and starts it again.
    void restart();

    std::string start_run(mothership::RunType type = mothership::RunType::tracked);
    [[nodiscard]] mothership::Run run(const std::string& id);
    [[nodiscard]] mothership::Stage stage(const std::string& run_id, std::size_t index = 0);
    [[nodiscard]] std::string waiting_for(const std::string& run_id);
    /// The next stage for the worker; nothing if there is none.
    std::optional<mothership::Stage> grant();
    /// What happens to a stage of the run; its verdict.
    protocol::server::Verdict apply(const std::string& run_id, std::size_t index,
        const protocol::server::Event& event, const protocol::StateReport* report = nullptr);
    /// The worker's way through a stage that is granted to it.
    void accept(const mothership::Stage& stage);
    void report(const mothership::Stage& stage, protocol::StateReport report);
    void begin(const mothership::Stage& stage, const std::string& phase);
    void finish(const mothership::Stage& stage, protocol::Outcome outcome, const std::string& cause = "exit");
    /// A plan from grant to its end, with a workspace.
    void plan(const std::string& run_id);
    void act(const std::string& run_id, Result<void> (*decide)(mothership::Work&, mothership::Run&));
    void advance(std::chrono::milliseconds time);

    TempDir directory;
    ManualClock clock;
    std::string pool_id;
    mothership::Worker worker;
    mothership::Stack stack;
    std::unique_ptr<mothership::Store> store;
    std::unique_ptr<mothership::ControlPlane> plane;

private:
    void start();

    SystemRandom random_;
    LogSink sink_;
    http::Topics topics_;
};

} // namespace slipway::test
