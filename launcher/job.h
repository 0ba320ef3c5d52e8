#pragma once

#include "launcher/backoff.h"
#include "launcher/job_context.h"
#include "launcher/job_control.h"
#include "launcher/log_uploader.h"
#include "launcher/status.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace slipway::launcher {

/// Called by a job's threads; each returns at once.
struct JobCallbacks {
    std::function<void()> on_end; ///< The job has ended and is to be collected.
    std::function<void()> on_session_lost; ///< The backend asks for a new enrolment.
};

/// What people know a job by.
struct JobAbout {
    std::string run_id;
    BootClock::time_point taken; ///< By this process.
};

/// One stage from its offer to the answer to its end: two threads, one that carries out what
/// protocol::worker::next says of the journaled state and one that uploads the log. So a new one carries on
/// where the last process died. Public methods are thread-safe.
class Job {
public:
    enum class Origin : std::uint8_t {
        offered, ///< New in this process.
        journal, ///< Found in the journal at the start.
    };

    /// Starts the threads. `services` outlive the job.
    Job(const JobServices& services, JobEntry entry, const protocol::WorkerStage& state, Origin origin,
        JobAbout about, JobCallbacks callbacks, const Logger& logger);
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    /// Hand-over: ends the threads and leaves container and journal as they are.
    ~Job();

    [[nodiscard]] protocol::WorkerStage state() const { return stage_.state(); }

    [[nodiscard]] const std::string& stage_id() const { return stage_.entry().stage_id(); }

    /// The threads are done: the stage is delivered or gone, and forgotten.
    [[nodiscard]] bool ended() const { return ended_; }

    [[nodiscard]] const JobEntry& entry() const { return stage_.entry(); }

    [[nodiscard]] StageStatus status() const;

    /// What the backend said to a contact sent at `sent_at`.
    void renewed(protocol::Millis sent_at, protocol::Millis lease);
    void refused();

    [[nodiscard]] const std::string& run_id() const { return about_.run_id; }

    /// The ladder; before the first command it is given up at once.
    void stop(StoppedBy by = StoppedBy::request);
    /// The launcher ends: as `stop`, but before the first command the stage is given back for another worker.
    void leave();
    void kill();
    /// Docker does not know the container any more: looks at once.
    void look();

private:
    void body(std::stop_token stop);
    Result<void> open(std::stop_token stop);
    void upload(std::stop_token stop);
    Result<void> step(std::stop_token stop);
    Result<void> recover(std::stop_token stop);
    Result<void> mend_log(std::stop_token stop);
    Result<void> accept(std::stop_token stop);

    struct Accepted {
        protocol::Millis sent_at = 0;
        Result<StageAnswer> answer;
    };

    Accepted send_accept(std::stop_token stop);
    Result<void> prepare(std::stop_token stop);
    /// What of a stage is being made ready.
    enum class Making : std::uint8_t { slot, policy, image, workspace };
    static std::string_view cause_of(Making what);
    static bool fails_the_run(Making what, Errc code);
    Result<void> check_policy(const std::string& image, std::stop_token stop);

    struct MadeSlot {
        Making what = Making::slot; ///< Of a failure.
        Result<std::unique_ptr<JobSlot>> slot;
        bool filled = false; ///< With sources, workspace and files.
    };

    /// A container that was taken before its image was known.
    struct Guess {
        MadeSlot made{.slot = Error{Errc::not_found, "none was idle"}};
        std::string image_id; ///< Of which it is; empty: there is none.
        SlotFact fact; ///< As it is in the journal.
        std::chrono::nanoseconds took{0};
    };

    Result<RunnerImage> find_image(std::stop_token stop);
    [[nodiscard]] SlotRequest request_for(const std::string& image_id) const;
    Result<std::unique_ptr<JobSlot>> make_container(const RunnerImage& image, std::stop_token stop);
    MadeSlot make_slot(std::stop_token stop);
    Guess guess_slot(std::future<Result<void>>& fetching, std::stop_token stop);
    void fill_if_fetched(MadeSlot& made, std::future<Result<void>>& fetching, std::stop_token stop);
    Result<void> fill(JobSlot& slot, std::stop_token stop);
    MadeSlot make_filled(std::stop_token stop);
    void make_ready_ahead();
    void collect_ahead();
    Result<void> make_ready(Making& what, std::stop_token stop);
    Result<void> prepare_failed(Making what, const Error& error, std::stop_token stop);
    Result<void> leave_unprepared(std::stop_token stop);
    Result<void> give_back(std::string_view reason, std::stop_token stop);
    Result<void> confirm(std::stop_token stop);
    Result<void> run(std::stop_token stop);
    Result<void> settle(StageEnd end, std::stop_token stop);
    Result<void> hold_slot(std::stop_token stop);
    Result<void> keep_state(StageEnd& end, std::stop_token stop);
    Result<void> keep_outputs(std::stop_token stop);
    Result<std::string> keep_workspace(std::stop_token stop);
    Result<StageEnd> end_without_workspace(Error error, std::stop_token stop);
    Result<void> refused_end(const StageEnd& end, const Error& error);
    [[nodiscard]] StageEnd stopped(bool began) const;
    Result<void> give_up(const StageEnd& end);
    Result<void> close_log();
    Result<void> deliver_log(std::stop_token stop);
    Result<void> report_end(std::stop_token stop);
    Result<void> clean(std::stop_token stop);
    Result<void> log_end(StageEnd end);
    Result<void> open_masks();
    Result<void> warn_of_unmasked();
    Result<void> remove_containers(std::stop_token stop);

    Result<void> apply(const protocol::worker::Event& event) { return stage_.apply(event); }

    Result<void> ask(const Result<StageAnswer>& answer, const protocol::worker::Event& on_ok);

    const JobServices& services_;
    JobCallbacks callbacks_;
    std::shared_ptr<LateMasks> late_masks_ = std::make_shared<LateMasks>();
    Logger logger_; ///< What it writes is masked.
    Origin origin_;
    const JobAbout about_;
    JournaledStage stage_;
    JobControl control_;
    protocol::Assignment assignment_;
    bool assignment_lost_ = false; ///< Torn by a crash of the host.
    std::shared_ptr<JobMasks> masks_ = std::make_shared<JobMasks>();
    bool masks_made_ = false;
    std::optional<Spool> spool_;
    std::optional<JobContext> context_;
    std::unique_ptr<LogUploader> uploader_;
    std::unique_ptr<JobSlot> slot_;
    Backoff prepare_backoff_;
    std::optional<BootClock::time_point> prepare_until_; ///< Set when preparing begins.
    std::string prepare_failure_; ///< The one that the log was told last.
    bool nothing_made_; ///< No container was made for this grant yet.
    bool allowed_ = false; ///< By the policy.
    bool synced_ = false;
    std::optional<BootClock::time_point> keeping_since_; ///< The first failure to keep workspace or state.
    std::atomic<bool> ended_{false};
    std::future<Accepted> accepting_; ///< The call that accepts, while the masks are worked out.
    std::future<MadeSlot> making_; ///< Container and what belongs into it, while that call is under way.
    std::optional<MadeSlot> made_ahead_; ///< What came of it.
    std::future<void> working_out_; ///< What to mask, while the start is reported.
    std::jthread upload_thread_;
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::launcher
