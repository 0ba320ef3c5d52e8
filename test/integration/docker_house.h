#pragma once

#include "common/file.h"
#include "common/ulid.h"
#include "launcher/docker_host.h"
#include "launcher/engine.h"
#include "test/support/fake_backend.h"
#include "test/support/temp_dir.h"

#include <sys/types.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>

namespace slipway::test {

/// This machine's engine; throws when there is none.
const docker::Engine& the_engine();

const crypto::PrivateKey& house_pool_key();

/// A runner image of busybox.
const std::string& runner();

/// The launcher's engine with real containers and a control plane of files. What it made is removed at its
/// end. Without warm slots, unless a test wants them.
struct House {
    TempDir directory;
    SystemClock clock;
    SystemRandom random;
    FakeBackend backend{directory.path() / "backend", clock};
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    launcher::EngineSettings settings;
    std::string network = "none";
    launcher::RegistrySettings registry;
    std::optional<launcher::Engine> engine;
    std::future<launcher::EngineEnd> end;

    House();
    ~House();

    Result<launcher::Engine> make(launcher::StepHook hook = {});
    void start();
    /// Hand-over: containers stay.
    void leave();
    bool stages_left();
    /// The launcher as a process of its own, that ends in step number `kill_at` (0: never). Returns its pid.
    pid_t fork_launcher(int kill_at);
    protocol::Assignment assignment(
        const std::string& command, protocol::StageKind kind = protocol::StageKind::read);
    protocol::StateReport finished(
        const std::string& id, std::chrono::seconds at_most = std::chrono::seconds{60});
    protocol::StateReport run(const protocol::Assignment& assignment);
    /// Containers of this launcher, running or not.
    std::size_t containers();
    /// Until nothing is held and no container is left but so many.
    bool idle(std::size_t containers_left = 0);
};

/// The job's own lines.
std::string job_output(const std::string& log);

/// The exit code of a launcher; one that hangs for two minutes is killed and fails the test.
int wait_for(pid_t pid);

} // namespace slipway::test
