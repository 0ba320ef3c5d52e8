#pragma once

#include "common/http/http_client.h"
#include "test/support/image_maker.h"
#include "test/support/process.h"
#include "test/support/redis_server.h"
#include "test/support/temp_dir.h"
#include "test/support/vela_server.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway::test {

/// A step, or a service, as a Vela server would hand it out.
struct VelaStep {
    std::string name;
    std::vector<std::string> commands;
    std::string image; ///< Empty: the lab's.
    std::string more; ///< Members of its JSON, each with a comma at its end.
};

/// The real program as a Vela worker, with a server of ours, a Redis and the machine's engine. Failures are
/// thrown as std::runtime_error.
class VelaLab {
public:
    /// `secret`: of symmetric mode; empty: registration. `address`: where the worker reaches the server and
    /// the Redis.
    explicit VelaLab(
        const std::string& secret = "shared-secret-0001", const std::string& address = "127.0.0.1");
    ~VelaLab();
    VelaLab(const VelaLab&) = delete;
    VelaLab& operator=(const VelaLab&) = delete;

    /// Starts the worker. `more`: of its environment.
    void start(const std::vector<std::pair<std::string, std::string>>& more = {});

    void kill() { worker_->kill(); }

    void signal(int signal) const { worker_->signal(signal); }

    int wait_end();

    /// The worker's.
    [[nodiscard]] pid_t pid() const noexcept { return worker_->pid(); }

    /// Of its API; a POST has an empty body.
    [[nodiscard]] http::ClientResponse call(
        const std::string& method, const std::string& path, const std::string& token) const;
    /// Until its API answers.
    void wait_listening() const;

    [[nodiscard]] VelaServer& server() noexcept { return server_; }

    [[nodiscard]] RedisServer& redis() noexcept { return redis_; }

    [[nodiscard]] const std::string& image() const noexcept { return image_; }

    /// The lab's image with a line of a Dockerfile more.
    [[nodiscard]] std::string image_that(const std::string& change) { return images_.busybox({change}); }

    [[nodiscard]] const std::string& repo() const noexcept { return repo_; }

    [[nodiscard]] std::string log() const;
    /// "http://127.0.0.2:port"
    [[nodiscard]] std::string address() const;

    /// A pipeline of steps, the init step first; `more`: members of the pipeline, each with a comma.
    [[nodiscard]] std::string steps(const std::vector<VelaStep>& steps, const std::string& more = {}) const;

    /// One stage: its name, the members of its JSON (each with a comma), its steps.
    struct StageShape {
        std::string name;
        std::string more;
        std::vector<VelaStep> steps;
    };

    [[nodiscard]] std::string stages(
        const std::vector<StageShape>& stages, const std::string& more = {}) const;
    [[nodiscard]] std::string container(const VelaStep& step, int number) const;

    /// Makes the build's rows and pushes it; returns its name ("octo/REPO/1").
    std::string push(const std::string& pipeline, const VelaBuildOptions& options = {});
    /// The same under the very name and number that are given; the name must be of this lab alone.
    std::string push_as(const std::string& pipeline, const VelaBuildOptions& options);
    /// Waits until the build is over.
    VelaRow ended(const std::string& build, std::chrono::seconds at_most = std::chrono::seconds{40});
    void wait(const std::function<bool()>& condition, const std::string& what,
        std::chrono::seconds at_most = std::chrono::seconds{40});

    /// "success", "failure 3", "killed 137 unfinished": status, code and what of its times is missing.
    [[nodiscard]] std::string step(const std::string& build, int number) const;
    /// Waits for a file in the volume (/vela) of a build that goes on, the only one that has it; false: it
    /// does not come.
    [[nodiscard]] bool workspace_has(const std::string& file) const;
    /// What `slipway-launcher` with these words says to the worker's operator; with its exit code.
    [[nodiscard]] std::pair<int, std::string> command(const std::vector<std::string>& words) const;
    /// Short ids of the worker's containers that run and that `docker ps --filter` finds by this.
    [[nodiscard]] std::vector<std::string> containers(const std::string& filter) const;
    void remove_container(const std::string& id);
    /// Tells the worker to end, and what of it is still in the engine then; empty: nothing.
    [[nodiscard]] std::string left_after_end();

private:
    [[nodiscard]] std::string asked() const;
    [[nodiscard]] std::string label() const;

    TempDir directory_;
    Secret signing_key_;
    RedisServer redis_;
    VelaServer server_;
    ImageMaker images_;
    std::string image_;
    std::uint16_t port_;
    std::string secret_;
    std::string repo_; ///< Of this lab alone: the engine is shared.
    std::optional<Process> worker_;
    std::int64_t number_ = 0;
};

} // namespace slipway::test
