#pragma once

#include "launcher/status.h"
#include "launcher/vela/build_run.h"
#include "launcher/vela/credentials.h"
#include "launcher/vela/queue.h"
#include "launcher/vela/worker_api.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace slipway::vela {

/// What a worker works with; everything outlives it.
struct WorkerParts {
    const Options& options;
    Server& server;
    BuildHost& host;
    Credentials& credentials;
    const Clock& clock;
    Random& random;
    Logger logger;
    std::filesystem::path directory; ///< Builds live in `builds/` in it.
    HostFacts facts;
    std::function<void()>
        on_change; ///< `look` says something new. From any thread; not within a lock of its own.
};

/// A Vela worker: registers, checks in, takes builds from the queue and holds those that run. A server or a
/// Redis that is away ends nothing: it is asked again until it is there. All methods are thread-safe.
class Worker {
public:
    explicit Worker(WorkerParts parts);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    /// Works until drained, or handed over. Call it once.
    void run();

    /// Takes nothing more; `run` returns when the builds that run are over.
    void drain(launcher::DrainBy by = launcher::DrainBy::signal);
    /// Takes nothing more until `resume_intake`, also after a restart. Fails when that cannot be written
    /// down; then nothing changes.
    Result<void> pause_intake();
    /// Ends that; `conflict` when the process is told to end.
    Result<void> resume_intake();
    /// Cancels what runs.
    void cancel_builds();
    /// Cancels one build, named "ORG/REPO/NUMBER". `not_found`: it is not held here.
    Result<void> cancel_build(std::string_view name);
    /// `run` returns at once; what runs goes on for the next process.
    void hand_over();

    /// What a person is shown of it; builds stand where stages do.
    [[nodiscard]] launcher::EngineStatus look() const;

    /// For the worker's API; valid while this object lives.
    [[nodiscard]] WorkerApiHooks hooks();

private:
    // The thread of `run`.
    Result<void> enlist();
    void work();
    Result<void> open_queue();
    Result<void> resume();
    Result<void> take_left_over();
    void take_one();
    Result<std::vector<std::string>> routes();
    void accept(Taken taken);
    Result<void> begin(const Taken& taken, QueueItem item, const std::string& message);
    void start(BuildJournal journal, QueueItem item);
    void free_executor(std::int64_t build);
    void collect();
    void wait_room();

    // The thread that checks in.
    void check_in_loop(std::stop_token stop);
    Result<void> check_in(std::stop_token stop);
    Result<void> tell_status(std::stop_token stop);
    [[nodiscard]] std::chrono::milliseconds check_in_pause();

    [[nodiscard]] WorkerRow row() const;
    [[nodiscard]] std::string status() const; // mutex_ is held.
    [[nodiscard]] bool holds(std::int64_t build) const;
    [[nodiscard]] std::size_t running() const; // mutex_ is held.
    [[nodiscard]] bool is_done() const; // mutex_ is held.
    void leave_if_done();
    [[nodiscard]] std::string not_ready() const;
    [[nodiscard]] std::string metrics() const;
    [[nodiscard]] std::stop_token poke_token();
    void poke();
    void tell_change();

    WorkerParts parts_;
    BuildServices services_;
    std::unique_ptr<Queue> queue_;
    BuildKits kits_;
    std::string public_key_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<std::shared_ptr<BuildRun>> builds_; ///< By executor; null: idle.
    std::vector<std::shared_ptr<BuildRun>> leaving_; ///< Over, and being removed.
    std::vector<std::int64_t> over_; ///< Builds that have ended.
    std::deque<Taken> waiting_; ///< Found at the start, for want of room.
    std::stop_source leave_; ///< The process goes.
    std::stop_source poke_; ///< Ends a wait for the queue.
    std::vector<launcher::Drain> drains_; ///< Those that end the process; the mark on disk is not among them.
    std::optional<std::chrono::system_clock::time_point> paused_; ///< As on disk.
    const BootClock::time_point began_;
    std::optional<BootClock::time_point> contact_; ///< Last check-in.
    bool draining_ = false;
    bool handing_over_ = false;
    bool works_ = false; ///< The queue is open, and `run` at its work.
    bool enlisted_ = false; ///< The server knows us and Redis answers.
    std::string trouble_; ///< Why not.
    bool status_changed_ = false;
    std::int64_t last_started_ = 0;
    std::int64_t last_finished_ = 0;
    std::int64_t taken_count_ = 0;
    bool warned_of_interval_ = false;
    std::jthread check_in_thread_; ///< Last: it uses everything above.
};

} // namespace slipway::vela
