#include "launcher/supervisor.h"

#include "common/ulid.h"

namespace slipway::launcher {

Supervisor::Supervisor(SupervisorParts parts)
    : parts_{std::move(parts)}
    , seen_{parts_.journal.seen()}
    , process_{make_ulid(parts_.services.clock, parts_.services.random)}
{
}

Supervisor::~Supervisor()
{
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
    if (end == EngineEnd::drained) {
        parts_.services.host.keep_warm(Warm::no);
        parts_.services.host.settle(stop);
    }
    if (end == EngineEnd::drained && registered)
        if (const auto gone = parts_.services.backend.sign_off(std::move(stop)); !gone)
            parts_.logger.warn(
                "the worker could not leave the pool; it will be shown as silent", gone.error());
    return end;
}

void Supervisor::drain()
{
    std::size_t held = 0;
    {
        const std::lock_guard lock{mutex_};
        leaving_ = true;
        held = jobs_.size();
    }
    if (held == 0)
        parts_.logger.info("draining: nothing is held");
    else
        parts_.logger.info("draining: nothing more is taken; waiting for " + std::to_string(held)
            + (held == 1 ? " stage; TERM again stops it" : " stages; TERM again stops them"));
    poke();
}

void Supervisor::stop_jobs()
{
    {
        const std::lock_guard lock{mutex_};
        leaving_ = true;
        for (const auto& [id, job] : jobs_)
            job->leave();
    }
    poke();
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

EngineStatus Supervisor::status() const
{
    const std::lock_guard lock{mutex_};
    EngineStatus status{.worker_id = worker_id_,
        .connected = connected_,
        .draining = leaving_ || paused_,
        .docker_answers = docker_answers_,
        .idle_slots = parts_.services.host.idle_slots(),
        .stages = {}};
    for (const auto& [id, job] : jobs_) {
        const auto state = job->state();
        status.stages.push_back({.stage_id = id, .kind = state.kind, .phase = state.phase});
    }
    return status;
}

bool Supervisor::idle() const
{
    const std::lock_guard lock{mutex_};
    return leaving_ && jobs_.empty();
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
}

void Supervisor::start(JobEntry entry, const protocol::WorkerStage& state, Job::Origin origin)
{
    const std::string id = entry.stage_id();
    const auto assignment = entry.assignment();
    auto job = std::make_unique<Job>(parts_.services, std::move(entry), state, origin,
        JobCallbacks{.on_end = [this] { poke(); }, .on_session_lost = [this] { session_lost(); }},
        assignment && *assignment ? parts_.logger.with("run", (*assignment)->run_id) : parts_.logger);
    const std::lock_guard lock{mutex_};
    jobs_[id] = std::move(job);
}

} // namespace slipway::launcher
