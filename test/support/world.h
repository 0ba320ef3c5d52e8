#pragma once

#include "common/http/http_client.h"
#include "common/json.h"
#include "test/support/container_watch.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

/// What the API says of a run.
struct RunView {
    std::string id;
    std::string state;
    bool terminal = false;
    std::int64_t version = 0;
    std::vector<std::string> history; ///< Each state it was in, the present one last.
    std::string json;
};

/// What a world has that others do not.
struct WorldShape {
    std::string docker_host; ///< The engine of its launchers, as for DOCKER_HOST; empty: the machine's.
    std::string address = "127.0.0.1"; ///< Under which launchers and test reach the control plane.
    int lease_seconds = 0; ///< 0: the product's.
};

/// The real programs on one machine: a control plane with a store of its own, one pool whose key and request
/// were made by openssl, and launchers that are started, killed and started again by the test. A runner image
/// is made from busybox. What it made is removed when it is destroyed. Failures that a test cannot go on from
/// are thrown as std::runtime_error.
class World {
public:
    /// `docker_host`: the engine of its launchers, as for DOCKER_HOST; empty: the machine's. Without a
    /// network in an engine that has none.
    explicit World(std::string docker_host = {});
    explicit World(WorldShape shape);
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    /// `extra`: its environment.
    void start_mothership(const std::vector<std::pair<std::string, std::string>>& extra = {});
    void kill_mothership();
    /// Starts the launcher on its one state directory with `extra` in its environment; waits until it is
    /// ready.
    void start_launcher(const std::vector<std::pair<std::string, std::string>>& extra = {});
    /// What a launcher on this state directory is started with; `extra` wins.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> launcher_environment(
        const std::filesystem::path& state,
        const std::vector<std::pair<std::string, std::string>>& extra) const;
    /// As `start_launcher` for a launcher that may end before it is ready: whether it is ready.
    bool try_launcher(const std::vector<std::pair<std::string, std::string>>& extra = {});
    void kill_launcher();
    /// USR2, as a restart of its service: the launcher ends at once and well, and containers stay.
    void hand_over();

    /// From the next start on the launcher is this program.
    void use_launcher(std::filesystem::path program) { launcher_program_ = std::move(program); }

    /// From now on launchers are started by this program: it gets the launcher's command as its last
    /// arguments.
    void start_launchers_by(std::vector<std::string> program) { starter_ = std::move(program); }

    [[nodiscard]] Process& launcher() { return *launcher_; }

    [[nodiscard]] pid_t launcher_pid() const { return launcher_->pid(); }

    [[nodiscard]] Process& mothership() { return *mothership_; }

    /// A stack with these commands per phase, attached to the pool, with one file in its source.
    void create_stack(
        std::string_view name, const std::vector<std::string>& plan, const std::vector<std::string>& apply);
    /// `type`: TRACKED, PROPOSED (which only plans) …
    std::string start_run(std::string_view stack, std::string_view type = "TRACKED");
    void confirm(const std::string& run);
    RunView run(const std::string& id);
    /// Follows the run until `done` says so; throws after `deadline`. Survives a control plane that is away.
    RunView wait_run(const std::string& id, const std::function<bool(const RunView&)>& done,
        std::chrono::milliseconds deadline = std::chrono::minutes{1});
    /// Follows the run until it is or has been in `state`, so that one that passes quickly is not missed.
    /// Throws when the run ended without.
    RunView wait_state(const std::string& id, std::string_view state);
    /// The whole log from `offset` on; when `wait`, the next part of it, and at least one byte.
    std::string log(const std::string& run, std::uint64_t offset = 0, bool wait = false);
    /// Follows the log until it is longer than `bytes`.
    void wait_log(const std::string& run, std::uint64_t bytes);

    /// GET, POST, PUT … of the people's API; the body of a 2xx answer, else a throw.
    std::string call(const std::string& method, const std::string& path, const std::string& body = {});

    /// A command that waits, in a run's container, for `open_gate`. A test that needs a run to be under way
    /// holds it there.
    static constexpr const char* kGate = "until [ -e /tmp/gate-is-open ]; do sleep 0.02; done";
    /// Lets all containers that run now pass.
    void open_gate() const;
    /// Until the commands of all containers that run now are over.
    void wait_commands_over() const;

    /// For `CHECK(world.history().report() == "")`: what was recorded, and what the engine said of the
    /// containers of recorded runs.
    History& history() { return history_; }

    /// Records a run that is over: its document, the times of its containers, and that the generated lines
    /// in its log are exactly `expected`.
    void record(const std::string& run, std::string_view expected);

    /// After the engine was started again.
    void engine_is_back() { watch_.reconnect(); }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

    [[nodiscard]] std::filesystem::path state_directory() const { return directory_.path() / "launcher"; }

    [[nodiscard]] std::filesystem::path data_directory() const { return directory_.path() / "mothership"; }

    [[nodiscard]] const std::string& image() const { return image_; }

    [[nodiscard]] const std::string& token() const { return token_; }

    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

    [[nodiscard]] std::string private_key_base64() const;
    /// Ids of this world's containers, running or not.
    [[nodiscard]] std::vector<std::string> containers() const;
    /// The same for those of the launcher on another state directory.
    [[nodiscard]] std::vector<std::string> containers_of(const std::filesystem::path& state) const;
    /// Removes those; nothing that fails is told.
    void remove_containers_of(const std::filesystem::path& state) const;
    /// A run's end is told before its container is removed: throws when one is left after a while.
    void wait_no_containers() const;
    /// Until the control plane shows a worker as `status` (IDLE, BUSY, DRAINED).
    void wait_worker(std::string_view status);
    /// Looks again and again; false when the deadline passes first.
    [[nodiscard]] static bool becomes_true(const std::function<bool()>& condition,
        std::chrono::milliseconds deadline = std::chrono::seconds{30});
    /// Until the launcher's log says `text`.
    void wait_launcher_says(std::string_view text) const;

private:
    Result<http::ClientResponse> send(
        const std::string& method, const std::string& path, const std::string& body);
    /// Docker's own client on this world's engine.
    [[nodiscard]] Result<std::string> docker(const std::vector<std::string>& arguments) const;
    [[nodiscard]] Result<std::vector<std::string>> list_containers(
        const std::filesystem::path& state, const std::string& status) const;

    WorldShape shape_;
    std::filesystem::path launcher_program_; ///< Empty: the one that was built.
    std::vector<std::string> starter_;
    ContainerWatch watch_;
    History history_;
    TempDir directory_;
    std::string image_;
    std::string endpoint_;
    std::string token_;
    std::string api_key_;
    std::optional<http::HttpClient> client_;
    std::optional<Process> mothership_;
    std::optional<Process> launcher_;
};

} // namespace slipway::test
