#include "mothership/stages.h"
#include "mothership/worker_api.h"

#include <algorithm>

namespace slipway::mothership {

namespace {

using protocol::ServerPhase;

constexpr std::chrono::milliseconds kMaxPollWait{20'000};
/// An answer that only says again what was told is sent this long after the first.
constexpr std::chrono::milliseconds kRepeatAfter{3'000};

Result<void> touch(Work& work, const Caller& caller, const protocol::PollRequest& message)
{
    auto worker = SLIPWAY_TRY(work.records.worker_by_session(caller.worker.session_hash));
    if (!worker)
        return Error{Errc::rejected, "this session is over: register again"};
    worker->drained = message.draining;
    worker->last_seen_ms = work.wall_ms;
    worker->last_contact = work.now;
    return work.records.put_worker(*worker);
}

Result<void> renew(
    Work& work, const Caller& caller, const protocol::PollRequest& message, protocol::PollResponse& answer)
{
    for (const auto& held : message.held) {
        auto stage = SLIPWAY_TRY(work.records.stage(held.stage_id));
        if (!stage || stage->pool_id != caller.pool.id) {
            answer.gone.push_back(held);
            continue;
        }
        const auto step = SLIPWAY_TRY(apply_event(work, *stage,
            protocol::server::Renew{
                .worker = caller.worker.id, .fence = held.fence, .started = held.started}));
        const bool valid = step.verdict == protocol::server::Verdict::ok;
        (valid ? answer.renewed : answer.gone).push_back(held);
        if (valid && stage->core.stop_requested)
            answer.commands.push_back({.kind = protocol::CommandKind::stop, .stage_id = held.stage_id});
    }
    return {};
}

/// Offers that were not answered yet are made again; new ones fill the places that are left.
Result<void> offer(
    Work& work, const Caller& caller, const protocol::PollRequest& message, protocol::PollResponse& answer)
{
    int pending = 0;
    for (auto& stage : SLIPWAY_TRY(work.records.stages_held_by(caller.worker.id))) {
        if (stage.core.phase != ServerPhase::offered)
            continue;
        if (message.draining) {
            SLIPWAY_TRY(apply_event(work, stage, protocol::server::Withdraw{}));
            continue;
        }
        ++pending;
        protocol::Assignment repeated = SLIPWAY_TRY(assignment_of(work.records, stage));
        answer.offers.push_back(std::move(repeated));
    }
    const bool rests = work.now < caller.worker.rests_until;
    const int places
        = message.draining || rests ? 0 : std::min(message.free_places, caller.worker.capacity) - pending;
    for (int place = 0; place < places; ++place) {
        const auto stage = SLIPWAY_TRY(grant_next(work, caller.worker));
        if (!stage)
            break;
        protocol::Assignment fresh = SLIPWAY_TRY(assignment_of(work.records, *stage));
        answer.offers.push_back(std::move(fresh));
    }
    return {};
}

/// What the answer says to do; the same text means that nothing is new.
std::string news_of(const protocol::PollResponse& answer)
{
    std::string text;
    for (const auto& held : answer.gone)
        text += "gone " + held.stage_id + " " + std::to_string(held.fence.to_integer()) + "\n";
    for (const auto& assignment : answer.offers)
        text += "offer " + assignment.stage_id + " " + std::to_string(assignment.fence.to_integer()) + "\n";
    for (const auto& command : answer.commands)
        text.append(protocol::to_string(command.kind)).append(" ").append(command.stage_id).append("\n");
    return text;
}

} // namespace

Millis WorkerApi::hold_back(const std::string& worker_id, const std::string& answer)
{
    const auto now = plane_.clock().now();
    const std::lock_guard lock{told_mutex_};
    const auto told = told_.find(worker_id);
    if (told != told_.end() && told->second.answer == answer && now - told->second.at < kRepeatAfter)
        return std::chrono::ceil<std::chrono::milliseconds>(kRepeatAfter - (now - told->second.at)).count();
    return 0;
}

Result<http::Reply> WorkerApi::poll(const Caller& caller, const http::Request& request)
{
    const auto message = SLIPWAY_TRY(protocol::read_poll_request(request.body));
    SLIPWAY_TRY(plane_.check_seen(message.seen_ms));
    const bool contact = request.waited == std::chrono::nanoseconds{0} || request.last_call;
    const auto decide = [&](Work& work) -> Result<protocol::PollResponse> {
        protocol::PollResponse draft;
        if (contact)
            SLIPWAY_TRY(touch(work, caller, message));
        SLIPWAY_TRY(renew(work, caller, message, draft));
        SLIPWAY_TRY(offer(work, caller, message, draft));
        return draft;
    };
    auto answer = SLIPWAY_TRY(plane_.change(decide));
    const std::string news = news_of(answer);
    const auto wait = std::min(std::chrono::milliseconds{message.wait}, kMaxPollWait);
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(request.waited);
    const std::chrono::milliseconds held_back{
        news.empty() ? message.wait : hold_back(caller.worker.id, news)};
    const auto until = std::min(wait, waited + held_back);
    if (!request.last_call && until > waited)
        return http::Reply::park({worker_topic(caller.worker.id), pool_topic(caller.pool.id)}, until);
    if (!news.empty()) {
        const std::lock_guard lock{told_mutex_};
        told_[caller.worker.id] = {.answer = news, .at = plane_.clock().now()};
    }
    answer.lease = plane_.terms().lease;
    answer.served_ms = plane_.now();
    return http::Reply::json(200, protocol::to_json(answer));
}

} // namespace slipway::mothership
