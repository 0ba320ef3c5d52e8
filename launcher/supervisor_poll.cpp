#include "launcher/backoff.h"
#include "launcher/supervisor.h"

#include <algorithm>
#include <exception>

namespace slipway::launcher {

namespace {

using protocol::CommandKind;
using protocol::HeldStage;
using protocol::WorkerPhase;

/// Between two polls whose answers brought nothing new. After new stages, too: a poll is a change that the
/// control plane writes down, and their first calls would wait for it.
constexpr std::chrono::milliseconds kBreath{50};

/// Leases are renewed by answers, and every poke ends a poll without one: after so long without an answer the
/// next poll does not wait.
constexpr protocol::Millis kRenewWithin = 15'000;

/// Stages that the backend knows as ours.
bool is_held(const protocol::WorkerStage& state)
{
    return !is_over(state) && state.phase != WorkerPhase::offered;
}

} // namespace

/// The poke is renewed before the first look at anything: whatever changes from there on ends the wait of
/// this round.
void Supervisor::poll(std::stop_token stop)
{
    const std::stop_callback passes_on{stop, [this] { poke(); }};
    Backoff backoff{parts_.services.clock, parts_.services.random};
    for (;;) {
        const auto poked = renew_poke();
        if (stop.stop_requested())
            return;
        collect();
        beat(Loop::poll);
        if (idle()) {
            finish(end_of_drain());
            return;
        }
        bool good = false;
        try {
            good = poll_once(poked, stop);
        } catch (const std::exception& failure) {
            parts_.logger.error("a poll failed and is repeated", Error{Errc::internal, failure.what()});
        }
        if (good)
            backoff.reset();
        else
            backoff.wait(poked);
    }
}

std::stop_token Supervisor::renew_poke()
{
    const std::lock_guard lock{mutex_};
    poke_ = std::stop_source{};
    return poke_.get_token();
}

Result<void> Supervisor::enroll(std::stop_token stop)
{
    const auto& settings = parts_.services.settings;
    protocol::RegisterRequest request{.instance_id = parts_.journal.instance_id(),
        .boot_id = parts_.journal.boot_id(),
        .version = settings.version,
        .hostname = settings.hostname,
        .capacity = settings.capacity,
        .metadata = settings.metadata,
        .process = process_,
        .seen_ms = seen_.served,
        .seen_mark = seen_.mark};
    const auto answer = SLIPWAY_TRY(parts_.enroll(request, std::move(stop)));
    parts_.logger.info("registered", {{"worker", answer.worker_id}, {"pool", answer.pool_name}});
    if (answer.server_id != seen_.server_id)
        seen_ = {.server_id = answer.server_id,
            .served = 0,
            .mark = ""}; // what another one told means nothing here
    note_served(answer.served_ms, answer.served_mark);
    const std::lock_guard lock{mutex_};
    session_ = true;
    was_enrolled_ = true;
    contact_ = parts_.services.clock.now();
    contact_error_.clear();
    worker_id_ = answer.worker_id;
    pool_name_ = answer.pool_name;
    poll_wait_ = answer.poll_wait;
    return {};
}

protocol::PollRequest Supervisor::make_request()
{
    const std::lock_guard lock{mutex_};
    protocol::PollRequest request{.held = {},
        .free_places = 0,
        .draining = !drains_.empty(),
        .wait = poll_wait_,
        .seen_ms = seen_.served,
        .seen_mark = seen_.mark};
    for (const auto& [id, job] : jobs_) {
        const auto state = job->state();
        if (is_held(state))
            request.held.push_back({id, state.fence, protocol::worker::may_have_started(state)});
    }
    if (boot_millis(parts_.services.clock) - answered_ > kRenewWithin)
        request.wait = 0;
    const bool ready = parts_.services.host.ready();
    const int free = parts_.services.settings.capacity - static_cast<int>(jobs_.size());
    if (drains_.empty() && docker_answers_ && ready)
        request.free_places = std::max(free, 0);
    return request;
}

bool Supervisor::takes() const
{
    const std::lock_guard lock{mutex_};
    return drains_.empty();
}

/// One contact with the backend. False: it failed and is repeated after a wait.
bool Supervisor::poll_once(std::stop_token poked, std::stop_token stop)
{
    bool enrolled = false;
    bool first = false;
    {
        const std::lock_guard lock{mutex_};
        enrolled = session_;
        first = !was_enrolled_ && jobs_.empty();
    }
    if (!enrolled) {
        if (const auto done = enroll(stop); !done) {
            if (done.error().code() == Errc::rejected && first)
                finish(EngineEnd::refused);
            parts_.logger.warn("registering failed and is repeated", done.error());
            note_failure(done.error());
            return false;
        }
    }
    const auto request = make_request();
    // A worker that takes nothing more keeps nothing ready.
    parts_.services.host.keep_warm(takes() ? Warm::yes : Warm::no);
    beat(Loop::poll);
    note_polled();
    const auto sent_at = boot_millis(parts_.services.clock);
    // One that does not wait renews the leases: nothing may keep it from being answered.
    const auto answer = parts_.services.backend.poll(request, request.wait == 0 ? stop : poked);
    note_poll(answer);
    if (!answer)
        return answer.error().code() == Errc::cancelled;
    answered_ = boot_millis(parts_.services.clock);
    if (take(*answer, request, sent_at, stop) == News::offers)
        parts_.services.clock.sleep_for(kBreath, std::move(poked));
    return true;
}

/// A poll that was ended by us says nothing of the backend.
void Supervisor::note_poll(const Result<protocol::PollResponse>& answer)
{
    if (!answer && answer.error().code() == Errc::cancelled)
        return;
    const std::lock_guard lock{mutex_};
    if (!answer && connected_)
        parts_.logger.warn(answer.error().code() == Errc::invalid_input
                ? "the control plane's answer cannot be read; what runs goes on"
                : "the control plane does not answer; what runs goes on",
            answer.error());
    const bool news = connected_ != answer.has_value();
    connected_ = answer.has_value();
    contact_error_ = answer ? "" : answer.error().message();
    if (answer)
        contact_ = parts_.services.clock.now();
    else
        ++parts_.services.tally.poll_errors;
    if (!answer && answer.error().code() == Errc::rejected)
        session_ = false;
    if (news)
        tell_change();
}

void Supervisor::note_polled()
{
    const std::lock_guard lock{mutex_};
    if (!polled_)
        tell_change();
    polled_ = true;
}

void Supervisor::note_failure(const Error& error)
{
    const std::lock_guard lock{mutex_};
    ++parts_.services.tally.poll_errors;
    connected_ = false;
    if (contact_error_ != error.message())
        tell_change();
    contact_error_ = error.message();
}

Supervisor::News Supervisor::take(const protocol::PollResponse& answer, const protocol::PollRequest& request,
    protocol::Millis sent_at, std::stop_token stop)
{
    note_served(answer.served_ms, answer.served_mark);
    take_held(answer, request, sent_at);
    for (const auto& command : answer.commands)
        take_command(command);
    for (const auto& part : answer.unreadable) {
        parts_.logger.warn("a part of the control plane's answer cannot be read and is left out",
            {{"stage", part.stage_id}, {"cause", part.why}});
        if (!part.stage_id.empty())
            decline({part.stage_id, part.fence},
                {DeclineCause::unreadable, "the worker cannot read the offer: " + part.why}, stop);
    }
    bool fresh = false;
    for (const auto& offer : answer.offers) {
        {
            const std::lock_guard lock{mutex_};
            if (jobs_.contains(offer.stage_id))
                continue; // repeated until our accept arrives, or its older grant is still being removed
        }
        fresh = true;
        take_offer(offer, stop);
    }
    const bool stale = !fresh && !answer.offers.empty();
    if (stale || !answer.commands.empty() || !answer.unreadable.empty()) {
        parts_.services.clock.sleep_for(kBreath, stop);
        return News::none;
    }
    return fresh ? News::offers : News::none;
}

void Supervisor::take_held(
    const protocol::PollResponse& answer, const protocol::PollRequest& request, protocol::Millis sent_at)
{
    const std::lock_guard lock{mutex_};
    backend_words_.clear();
    for (const auto& held : request.held) {
        const auto same = [&](const HeldStage& other) {
            return other.stage_id == held.stage_id && other.fence == held.fence;
        };
        const auto job = jobs_.find(held.stage_id);
        if (job == jobs_.end() || job->second->state().fence != held.fence)
            continue;
        if (std::any_of(answer.renewed.begin(), answer.renewed.end(), same)) {
            backend_words_[held.stage_id] = BackendWord::renewed;
            job->second->renewed(sent_at, answer.lease);
        } else if (std::any_of(answer.gone.begin(), answer.gone.end(), same)
            // Of a stage that has ended, the end may just have been taken: the answer to the job's own call
            // tells.
            && job->second->state().phase < WorkerPhase::finished) {
            backend_words_[held.stage_id] = BackendWord::gone;
            parts_.logger.warn("the control plane has taken a stage back", {{"stage", held.stage_id}});
            job->second->refused();
        }
    }
}

std::optional<Supervisor::Refusal> Supervisor::refusal_of(const protocol::Assignment& offer) const
{
    const auto& settings = parts_.services.settings;
    {
        const std::lock_guard lock{mutex_};
        if (!drains_.empty())
            return Refusal{DeclineCause::draining, "the worker drains"};
        if (!docker_answers_)
            return Refusal{DeclineCause::docker, "Docker does not answer on this worker"};
        if (static_cast<int>(jobs_.size()) >= settings.capacity)
            return Refusal{DeclineCause::no_place, "the worker has no free place"};
    }
    if (!settings.pool_id.empty() && offer.pool_id != settings.pool_id)
        return Refusal{DeclineCause::pool, "the stage belongs to another pool"};
    const auto room = disk();
    if (!room.error.empty())
        return Refusal{DeclineCause::disk, "the worker cannot look at its disk"};
    if (room.free_bytes < room.least_free_bytes)
        return Refusal{DeclineCause::disk,
            "the worker has too little free disk space: " + std::to_string(room.free_bytes / 1'000'000)
                + " MB"};
    if (room.too_full())
        return Refusal{DeclineCause::disk, "the worker has too few free inodes"};
    return std::nullopt;
}

void Supervisor::take_offer(const protocol::Assignment& offer, std::stop_token stop)
{
    ++parts_.services.tally.offers;
    beat(Loop::poll);
    auto refusal = refusal_of(offer);
    if (!refusal) {
        const auto first = protocol::worker::begin(offer.kind, offer.fence);
        auto entry = parts_.journal.create(offer, first);
        if (entry) {
            parts_.logger.info("taking a stage", {{"stage", offer.stage_id}, {"run", offer.run_id}});
            try {
                start(*entry, first, Job::Origin::offered);
                return;
            } catch (const std::exception& failure) { // no thread, above all
                parts_.logger.error("a stage could not be begun", Error{Errc::internal, failure.what()});
                refusal = Refusal{DeclineCause::internal, "the worker cannot start a thread"};
            }
            if (const auto removed = entry->remove(); !removed)
                parts_.logger.error("an offer could not be removed from the journal", removed.error());
        } else {
            parts_.logger.error("an offer could not be written down", entry.error());
            refusal = Refusal{DeclineCause::internal, "the worker cannot write its journal"};
        }
    }
    decline({offer.stage_id, offer.fence}, *refusal, std::move(stop));
}

void Supervisor::decline(const StageRef& stage, const Refusal& refusal, std::stop_token stop)
{
    parts_.services.tally.declined(refusal.cause);
    parts_.logger.info("declining a stage", {{"stage", stage.stage_id}, {"reason", refusal.reason}});
    const auto declined = parts_.services.backend.decline(stage, refusal.reason, std::move(stop));
    if (!declined) // the offer runs out by itself
        parts_.logger.warn("declining failed", declined.error());
}

void Supervisor::take_command(const protocol::Command& command)
{
    const std::lock_guard lock{mutex_};
    const auto job = jobs_.find(command.stage_id);
    parts_.logger.debug(
        "command", {{"kind", protocol::to_string(command.kind)}, {"stage", command.stage_id}});
    switch (command.kind) {
    case CommandKind::stop:
        if (job != jobs_.end())
            job->second->stop();
        break;
    case CommandKind::kill:
        if (job != jobs_.end())
            job->second->kill();
        break;
    case CommandKind::drain:
        begin_drain(DrainBy::control_plane, parts_.services.clock.wall());
        break;
    case CommandKind::undrain:
        end_drain(DrainBy::control_plane);
        break;
    case CommandKind::cycle:
        begin_drain(DrainBy::cycle, parts_.services.clock.wall());
        break;
    }
}

void Supervisor::note_served(protocol::Millis served, const std::string& mark)
{
    constexpr protocol::Millis step = 1000;
    if (served < seen_.served + step)
        return;
    seen_.served = served;
    seen_.mark = mark;
    if (const auto written = parts_.journal.write_seen(seen_); !written)
        parts_.logger.warn("the served time could not be written down", written.error());
}

} // namespace slipway::launcher
