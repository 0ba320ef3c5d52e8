#include "launcher/supervisor.h"

#include "common/ulid.h"
#include "launcher/drain_mark.h"

namespace slipway::launcher {

Supervisor::Supervisor(SupervisorParts parts)
    : parts_{std::move(parts)}
    , docker_since_{parts_.services.clock.now()}
    , began_{docker_since_}
    , seen_{parts_.journal.seen()}
    , process_{make_ulid(parts_.services.clock, parts_.services.random)}
{
    for (auto& beat : beats_)
        beat = boot_millis(parts_.services.clock);
    if (const auto since = drain_mark(parts_.journal.directory())) {
        drains_.push_back({DrainBy::command, *since});
        parts_.logger.warn("drained by \"slipway-launcher drain\": nothing is taken until \"slipway-launcher "
                           "undrain\"",
            {{"since", format_rfc3339(*since)}});
    }
}

Supervisor::~Supervisor()
{
    parts_.services.host.on_ready({});
    finish(EngineEnd::handed_over);
    poll_thread_ = {};
    reconcile_thread_ = {};
    Jobs jobs;
    {
        const std::lock_guard lock{mutex_};
        jobs.swap(jobs_);
    }
}

EngineEnd Supervisor::run(std::stop_token stop)
{
    parts_.services.host.on_ready([this] { poke(); });
    round(Round::first, stop);
    parts_.entries.clear(); // what they name has a job now, or is gone
    poll_thread_ = std::jthread{[this](std::stop_token token) { poll(std::move(token)); }};
    reconcile_thread_ = std::jthread{[this](std::stop_token token) { reconcile(std::move(token)); }};
    EngineEnd end = EngineEnd::handed_over;
    bool registered = false;
    {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, stop, [this] { return end_.has_value(); });
        end = end_.value_or(EngineEnd::handed_over);
    }
    poke();
    poll_thread_ = {};
    reconcile_thread_ = {};
    Jobs jobs;
    {
        const std::lock_guard lock{mutex_};
        registered = session_; // an enrolment that was under way has come to its end
        jobs.swap(jobs_);
    }
    jobs.clear();
    const bool drained = end == EngineEnd::drained || end == EngineEnd::disk_threshold;
    if (drained) {
        parts_.services.host.keep_warm(Warm::no);
        parts_.services.host.settle(stop);
    }
    if (drained && registered)
        if (const auto gone = parts_.services.backend.sign_off(std::move(stop)); !gone)
            parts_.logger.warn(
                "the worker could not leave the pool; it will be shown as silent", gone.error());
    return end;
}

Result<void> Supervisor::stop_job(std::string_view id)
{
    const std::lock_guard lock{mutex_};
    for (const auto& [stage_id, job] : jobs_) {
        if (stage_id != id && job->run_id() != id)
            continue;
        job->stop(StoppedBy::operator_here);
        return {};
    }
    return Error{Errc::not_found,
        "this launcher holds no stage and no run " + std::string{id}
            + ": slipway-launcher status shows what it holds"};
}

void Supervisor::hand_over() { finish(EngineEnd::handed_over); }

void Supervisor::finish(EngineEnd end)
{
    const std::lock_guard lock{mutex_};
    if (!end_)
        end_ = end;
    changed_.notify_all();
}

void Supervisor::poke()
{
    const std::lock_guard lock{mutex_};
    poke_.request_stop();
}

void Supervisor::session_lost()
{
    const std::lock_guard lock{mutex_};
    session_ = false;
    poke_.request_stop();
}

/// Lets go of jobs that have ended, outside of the lock: their threads may be calling us.
void Supervisor::collect()
{
    std::vector<std::unique_ptr<Job>> ended;
    const std::lock_guard lock{mutex_};
    for (auto it = jobs_.begin(); it != jobs_.end();) {
        if (!it->second->ended()) {
            ++it;
            continue;
        }
        ended.push_back(std::move(it->second));
        it = jobs_.erase(it);
    }
    if (jobs_.empty())
        parts_.services.vault.forget_replaced();
    if (!ended.empty())
        tell_change();
}

void Supervisor::start(JobEntry entry, const protocol::WorkerStage& state, Job::Origin origin)
{
    const std::string id = entry.stage_id();
    const auto assignment = entry.assignment();
    JobAbout about{.run_id = assignment && *assignment ? (*assignment)->run_id : "",
        .taken = parts_.services.clock.now()};
    const auto logger = about.run_id.empty() ? parts_.logger : parts_.logger.with("run", about.run_id);
    auto job = std::make_unique<Job>(parts_.services, std::move(entry), state, origin, std::move(about),
        JobCallbacks{.on_end = [this] { poke(); }, .on_session_lost = [this] { session_lost(); }}, logger);
    const std::lock_guard lock{mutex_};
    jobs_[id] = std::move(job);
    tell_change();
}

} // namespace slipway::launcher
