#pragma once

#include "launcher/engine.h"
#include "launcher/job.h"
#include "launcher/reconcile.h"
#include "launcher/status.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace slipway::launcher {

/// What a supervisor works with; everything outlives it.
struct SupervisorParts {
    const JobServices& services;
    const Journal& journal;
    std::vector<JobEntry> entries; ///< Of the journal, as the last process left it; for the first round.
    Enroll enroll;
    Logger logger;
    std::function<void()> on_change; ///< See EngineServices.
};

/// Holds the jobs of a launcher: polls for offers and commands, renews, admits, and compares the three
/// records. See `Engine`, whose methods these are.
class Supervisor {
public:
    explicit Supervisor(SupervisorParts parts);
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    ~Supervisor();

    EngineEnd run(std::stop_token stop);
    void drain(DrainBy by = DrainBy::signal);
    Result<void> pause();
    Result<void> resume();
    void stop_jobs();
    Result<void> stop_job(std::string_view id);
    void hand_over();

    /// Ends the session: the worker registers anew.
    void enroll_again() { session_lost(); }

    [[nodiscard]] EngineStatus status() const;

private:
    using Jobs = std::map<std::string, std::unique_ptr<Job>>;

    // The poll thread.
    void poll(std::stop_token stop);
    std::stop_token renew_poke();
    bool poll_once(std::stop_token poked, std::stop_token stop);
    void note_poll(const Result<protocol::PollResponse>& answer);
    void note_polled();
    void note_failure(const Error& error);
    Result<void> enroll(std::stop_token stop);
    protocol::PollRequest make_request();
    [[nodiscard]] bool takes() const;
    enum class News : std::uint8_t { none, offers };
    /// `offers`: the next poll waits a little for their sake, and has not done so yet.
    News take(const protocol::PollResponse& answer, const protocol::PollRequest& request,
        protocol::Millis sent_at, std::stop_token stop);
    void take_held(
        const protocol::PollResponse& answer, const protocol::PollRequest& request, protocol::Millis sent_at);
    void take_offer(const protocol::Assignment& offer, std::stop_token stop);

    struct Refusal {
        DeclineCause cause = DeclineCause::internal;
        std::string reason;
    };

    void decline(const StageRef& stage, const Refusal& refusal, std::stop_token stop);
    [[nodiscard]] std::optional<Refusal> refusal_of(const protocol::Assignment& offer) const;
    void take_command(const protocol::Command& command);
    void note_served(protocol::Millis served, const std::string& mark);

    // The thread that reconciles.
    void reconcile(std::stop_token stop);
    enum class Round : std::uint8_t { first, later };
    void round(Round which, std::stop_token stop);
    void watch_disk();
    void note_docker(const Result<std::vector<FoundContainer>>& containers);
    void repair_all(Round which, std::map<std::string, Records>& all, std::stop_token stop);
    void repair(const Repair& repair, std::stop_token stop);
    [[nodiscard]] std::map<std::string, JournalRecord> journal_records(
        const std::vector<JobEntry>& entries) const;

    void start(JobEntry entry, const protocol::WorkerStage& state, Job::Origin origin);
    void collect();
    void session_lost();
    void poke();
    void begin_drain(DrainBy by, std::chrono::system_clock::time_point since); // mutex_ is held.
    void end_drain(DrainBy by); // Likewise.
    [[nodiscard]] bool drains(DrainBy by) const; // Likewise.
    [[nodiscard]] bool leaving() const; // Likewise.
    void tell_change() const;
    [[nodiscard]] DiskStatus disk() const;
    enum class Loop : std::uint8_t { poll, reconcile };
    void beat(Loop loop);
    void finish(EngineEnd end);
    [[nodiscard]] bool idle() const;
    [[nodiscard]] EngineEnd end_of_drain() const;

    SupervisorParts parts_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    Jobs jobs_;
    std::stop_source poke_; ///< Ends the poll under way, or the wait for the next one.
    std::optional<EngineEnd> end_;
    bool session_ = false;
    bool connected_ = false;
    bool was_enrolled_ = false;
    bool polled_ = false;
    std::vector<Drain> drains_; ///< While there is one, nothing is taken.
    bool docker_answers_ = true;
    std::string docker_error_;
    BootClock::time_point docker_since_;
    const BootClock::time_point began_;
    std::optional<BootClock::time_point> contact_;
    std::string contact_error_;
    std::string worker_id_;
    std::string pool_name_;
    protocol::Millis poll_wait_ = 20'000;
    SeenTime seen_; ///< The poll thread's.
    protocol::Millis answered_ = 0; ///< When a poll was answered last. Of the poll thread.
    const std::string process_; ///< Tells this process from another one with a copy of its state directory.
    std::map<std::string, BackendWord> backend_words_; ///< Of the newest answer.
    std::set<std::string> told_; ///< Repairs of the last round, so that a lasting one is logged once.
    std::array<std::atomic<protocol::Millis>, 2> beats_; ///< When each loop last came to its next step.
    std::jthread poll_thread_;
    std::jthread reconcile_thread_;
};

} // namespace slipway::launcher
