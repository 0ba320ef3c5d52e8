#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/result.h"
#include "crypto/key.h"
#include "docker-client/engine.h"
#include "launcher/backend.h"
#include "launcher/engine_settings.h"
#include "launcher/journal.h"
#include "launcher/policy/verdict.h"
#include "launcher/registry/registry_logins.h"
#include "launcher/status.h"
#include "launcher/tally.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// How `Engine::run` came to its end.
enum class EngineEnd : std::uint8_t {
    drained, ///< Nothing is held any more and the worker has left the pool.
    disk_threshold, ///< Drained, since the disk is used beyond what is allowed.
    handed_over, ///< Left at once: containers stay for the next process.
    refused, ///< The first registration was rejected and nothing is held.
};

/// Registers the worker, at the start and whenever its session is over.
using Enroll
    = std::function<Result<protocol::RegisterResponse>(const protocol::RegisterRequest&, std::stop_token)>;

/// What the engine works with beside its settings; the referents and the logger's sink outlive it.
struct EngineServices {
    Backend& backend;
    const Clock& clock;
    Random& random;
    Logger logger;
    Enroll enroll; ///< Empty: `backend.enroll`. To look at the answers, too.
    int run_logs = -1; ///< A descriptor for copies of run logs, if the settings ask for them.
    StepHook hook; ///< For tests.
    /// Called when `Engine::status` says something new; any thread. Returns at once and calls no method of
    /// the engine. May be empty.
    std::function<void()> on_change;
    PolicyCheck policy; ///< Empty: every stage may run.
};

/// The Docker side of an engine.
struct EngineDocker {
    docker::Engine engine;
    std::string network; ///< For jobs; empty: the engine's default.
    std::string runtime; ///< Likewise.
    RegistrySettings registry; ///< Where logins for pulls come from.
};

/// In the message of a failure of `create` that lies with Docker; every other lies with the state directory.
inline constexpr std::string_view kDockerFailed = "asking Docker for the containers of this launcher";

/// The launcher's engine: takes stages from a backend and brings each to its end, once and with every byte of
/// its log, whatever process dies in between.
///
/// Threads: the caller's (`run`) waits for the end; one polls the backend, one compares the three records
/// every few seconds, and each job has one for its work and one for its log. All methods are thread-safe;
/// none but `run` waits.
class Engine {
public:
    /// Locks the state directory, reads its journal and prepares the Docker side. `keys`: the pool's private
    /// keys, at least one; the first one seals. Fails with `conflict` when another process uses the
    /// directory, and when its journal cannot be read: what runs is then left alone.
    static Result<Engine> create(EngineSettings settings, EngineDocker docker,
        std::vector<crypto::PrivateKey> keys, EngineServices services);

    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;
    ~Engine();

    /// Works until it is drained and idle, or handed over; a stop means hand-over. Call it once.
    EngineEnd run(std::stop_token stop);

    /// Takes nothing more; `run` returns when what it holds is delivered. `by`: of those that leave.
    void drain(DrainBy by = DrainBy::signal);
    /// Takes nothing more until `resume`, also after a restart. Fails when that cannot be written down; then
    /// nothing changes.
    Result<void> pause();
    /// Ends `pause`; `conflict` when the process is told to end.
    Result<void> resume();
    /// Stops what runs by the ladder: INT, grace, TERM, ten seconds, KILL. Drains, too.
    void stop_jobs();
    /// Stops one stage, named by its id or its run's, by the same ladder and in the name of this machine's
    /// operator. `not_found`: it is not held here.
    Result<void> stop_job(std::string_view id);
    /// `run` returns at once. Containers and journal stay as they are.
    void hand_over();

    /// The pool has these keys from now on, as for `create`; and the worker registers anew, since it shows
    /// another certificate.
    void replace_keys(std::vector<crypto::PrivateKey> keys);

    [[nodiscard]] EngineStatus status() const;
    [[nodiscard]] const Tally& tally() const;
    /// ULID of this launcher.
    [[nodiscard]] const std::string& instance_id() const;

private:
    struct Parts;
    explicit Engine(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

} // namespace slipway::launcher
