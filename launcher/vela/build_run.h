#pragma once

#include "launcher/vela/build_context.h"
#include "launcher/vela/outputs_sidecar.h"
#include "launcher/vela/secret_plugin.h"
#include "launcher/vela/stage_order.h"
#include "launcher/vela/step_flow.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace slipway::vela {

/// One build from the queue's item to its last call: taken over from the server, prepared, run, reported and
/// removed. What it has done is in its journal, so that another process goes on in the middle. A thread of
/// its own; methods are thread-safe.
class BuildRun {
public:
    struct Callbacks {
        /// The worker's token, for the one call that wants it.
        std::function<Secret()> worker_token;
        /// The build is over; what is left of it in the engine goes. Called by its thread, and not for a
        /// build that never began.
        std::function<void()> on_reported;
        /// The build is over and forgotten. Called by its thread, as the last thing.
        std::function<void()> on_end;
    };

    /// Starts the thread. The journal has the item.
    BuildRun(const BuildServices& services, BuildJournal journal, QueueItem item, Callbacks callbacks,
        const Logger& logger);
    BuildRun(const BuildRun&) = delete;
    BuildRun& operator=(const BuildRun&) = delete;
    /// This process leaves: the thread ends, what runs goes on for the next one.
    ~BuildRun();

    [[nodiscard]] std::int64_t id() const { return item_.build.id; }

    [[nodiscard]] BuildName name() const { return item_.build.build_name(); }

    /// When this process took it.
    [[nodiscard]] BootClock::time_point since() const { return since_; }

    /// As the API shows it.
    [[nodiscard]] std::string build_json() const;
    [[nodiscard]] std::string pipeline_json() const;

    /// Ends the build in the name of a user, and waits until its containers are gone, `most` at longest;
    /// returns the build.
    [[nodiscard]] std::string cancel(std::chrono::milliseconds most);

private:
    void run(std::stop_token leave);
    Result<std::string> fetch_pipeline(const std::stop_token& leave);
    Result<void> acquire(std::stop_token leave);
    Result<void> work(std::stop_token leave);
    Result<void> take_place();
    void make_place();
    Result<void> end_if_canceled(const std::stop_token& stop);
    void ask_for_cancel(const std::stop_token& leave);
    void make_parts();
    Result<void> open_logs();
    void create();
    Result<void> plan(std::stop_token stop);
    Result<void> assemble(std::stop_token stop);
    Result<void> run_plugins(std::stop_token leave);
    Result<void> execute(std::stop_token leave);
    Result<void> run_steps(std::stop_token leave);
    void run_stages(const std::stop_token& leave);
    Result<void> run_stage(std::size_t index, std::stop_token leave);
    void report(const std::stop_token& leave);
    void destroy(std::stop_token leave);
    void flush(std::stop_token leave);
    void give_up(const Error& error, std::stop_token leave);
    void tell(std::string_view key, std::string_view text);
    [[nodiscard]] StatusView build_status();
    [[nodiscard]] bool leaves(const Result<void>& result, const std::stop_token& leave) const;

    /// A stage with the flows of its steps.
    struct StageFlows {
        std::vector<StepFlow*> steps;
        bool independent = false;
        std::string status; ///< Guarded by the context's mutex.
    };

    const BuildServices& services_;
    BuildJournal journal_;
    QueueItem item_;
    Callbacks callbacks_;
    const BootClock::time_point since_;
    Logger logger_;
    Outbox outbox_;
    LogShipper shipper_;
    BuildContext context_;
    OutputsSidecar sidecar_;
    Pipeline pipeline_;
    std::vector<std::unique_ptr<StepFlow>> services_flows_;
    std::vector<std::unique_ptr<StepFlow>> steps_; ///< Of all stages, too.
    std::vector<StageFlows> stages_;
    std::optional<StageOrder> order_;
    std::vector<std::unique_ptr<SecretPlugin>> plugins_;
    std::unique_ptr<ContainerLog> init_log_;
    std::unique_ptr<Row> init_row_;
    std::future<Result<std::string>> network_;
    std::future<Result<std::string>> volume_;
    std::jthread timer_; ///< Ends the build when its time is over.
    std::jthread asking_; ///< Whether it was cancelled meanwhile, when the server did not say at first.
    mutable std::mutex mutex_;
    std::condition_variable_any gone_changed_;
    bool gone_ = false; ///< Its containers are removed.
    std::string pipeline_json_;
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::vela
