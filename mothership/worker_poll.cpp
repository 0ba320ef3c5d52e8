#include "mothership/stages.h"
#include "mothership/worker_api.h"

#include <algorithm>
#include <utility>

namespace slipway::mothership {

namespace {

using protocol::HeldStage;
using protocol::ServerPhase;
using protocol::server::Verdict;

/// Whether a call has just come, or is looked at again while it waits.
enum class Contact : std::uint8_t { fresh, parked };

constexpr std::chrono::milliseconds kMaxPollWait{20'000};
/// An answer that only says again what was told is sent this long after the first.
constexpr std::chrono::milliseconds kRepeatAfter{3'000};
/// An answer that is this long gets no further offer; the next one has them.
constexpr std::size_t kEnoughBytes = 4 * 1024 * 1024;

enum class Places : std::uint8_t {
    as_before,
    more, ///< Free ones than at its last poll.
};

/// The first word of a draining worker stands until it registers anew: an older call may arrive later. One
/// that has become able to take more is not left waiting for what it declined before.
Result<void> touch(Work& work, Worker& worker, const protocol::PollRequest& message, Places places)
{
    worker.drained = worker.drained || message.draining;
    if (places == Places::more)
        worker.rests_until = 0;
    worker.last_seen_ms = work.wall_ms;
    worker.last_contact = work.now;
    return work.records.put_worker(worker);
}

/// A stage that a restore forgot goes on; nothing can be told of it here, so its worker keeps what it has.
Result<Verdict> renew_forgotten(Work& work, const HeldStage& held, Contact contact)
{
    const auto epoch = SLIPWAY_TRY(work.records.meta()).epoch;
    const Verdict verdict = protocol::server::unknown_stage(held.fence, epoch);
    if (verdict == Verdict::ok && contact == Contact::fresh)
        work.alarms.push_back("stage " + held.stage_id
            + ": a worker has it, and this store, which was restored from a backup, does not know it");
    return verdict;
}

/// Whether the worker keeps what it holds. A call that was parked renewed it when it came, and only asks.
Result<Verdict> renew_stage(
    Work& work, const Worker& worker, Stage& stage, const HeldStage& held, Contact contact)
{
    if (stage.pool_id != worker.pool_id)
        return Verdict::gone;
    const protocol::server::Renew renewal{.worker = worker.id, .fence = held.fence, .started = held.started};
    if (contact == Contact::parked)
        return protocol::server::step(stage.core, renewal, work.now, work.terms).verdict;
    return SLIPWAY_TRY(apply_event(work, stage, renewal)).verdict;
}

Result<void> renew(Work& work, const Worker& worker, const protocol::PollRequest& message, Contact contact,
    protocol::PollResponse& answer)
{
    for (const auto& held : message.held) {
        auto stage = SLIPWAY_TRY(work.records.stage(held.stage_id));
        const Verdict verdict = stage ? SLIPWAY_TRY(renew_stage(work, worker, *stage, held, contact))
                                      : SLIPWAY_TRY(renew_forgotten(work, held, contact));
        const bool kept = verdict == Verdict::ok;
        (kept ? answer.renewed : answer.gone).push_back(held);
        if (kept && stage && stage->core.stop_requested)
            answer.commands.push_back({.kind = protocol::CommandKind::stop, .stage_id = held.stage_id});
    }
    return {};
}

/// Offers that were not answered yet are made again; new ones fill the places that are left.
Result<void> offer(
    Work& work, const Worker& worker, const protocol::PollRequest& message, protocol::PollResponse& answer)
{
    const bool draining = worker.drained || message.draining;
    int places = draining ? 0 : std::min(message.free_places, worker.capacity);
    std::size_t bytes = 0;
    const auto add = [&](const Stage& stage) -> Result<void> {
        protocol::Assignment assignment = SLIPWAY_TRY(assignment_of(work.records, stage));
        bytes += protocol::to_json(assignment).size();
        answer.offers.push_back(std::move(assignment));
        return {};
    };
    for (auto& stage : SLIPWAY_TRY(work.records.stages_held_by(worker.id))) {
        if (stage.core.phase != ServerPhase::offered)
            continue;
        --places;
        if (draining)
            SLIPWAY_TRY(apply_event(work, stage, protocol::server::Withdraw{}));
        else if (bytes < kEnoughBytes)
            SLIPWAY_TRY(add(stage));
    }
    for (; places > 0 && bytes < kEnoughBytes; --places) {
        const auto stage = SLIPWAY_TRY(grant_next(work, worker));
        if (!stage)
            break;
        SLIPWAY_TRY(add(*stage));
    }
    return {};
}

/// When a worker that would be offered nothing before is to be looked at again; 0: it does not rest.
Millis rest_left(const Work& work, const Worker& worker, const protocol::PollRequest& message)
{
    const bool takes = !worker.drained && !message.draining && message.free_places > 0;
    return takes ? std::max<Millis>(worker.rests_until - work.now, 0) : 0;
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

/// What a poll that waits is told by, of the next one.
std::string number_topic(const std::string& worker_id, std::int64_t number)
{
    return "poll " + worker_id + " " + std::to_string(number);
}

} // namespace

Millis WorkerApi::hold_back(const std::string& worker_id, const std::string& answer)
{
    const auto now = plane_.clock().now();
    const std::lock_guard lock{dealings_mutex_};
    const auto& last = dealings_[worker_id];
    if (last.told == answer && now - last.told_at < kRepeatAfter)
        return std::chrono::ceil<std::chrono::milliseconds>(kRepeatAfter - (now - last.told_at)).count();
    return 0;
}

bool WorkerApi::more_places(const std::string& worker_id, int places)
{
    const std::lock_guard lock{dealings_mutex_};
    return std::exchange(dealings_[worker_id].places, places) < places;
}

bool WorkerApi::is_replaced(const std::string& worker_id, std::int64_t number)
{
    std::int64_t before = 0;
    {
        const std::lock_guard lock{dealings_mutex_};
        auto& newest = dealings_[worker_id].newest;
        if (number <= newest)
            return number != 0 && number < newest;
        before = std::exchange(newest, number);
    }
    if (before != 0)
        plane_.wake(number_topic(worker_id, before));
    return false;
}

http::Reply WorkerApi::poll_reply(protocol::PollResponse answer) const
{
    answer.lease = plane_.terms().lease;
    answer.served_ms = plane_.now();
    answer.served_mark = plane_.mark_of(answer.served_ms);
    return http::Reply::json(200, protocol::to_json(answer));
}

Result<http::Reply> WorkerApi::poll(const Caller& caller, const http::Request& request)
{
    const auto message = SLIPWAY_TRY(protocol::read_poll_request(request.body));
    if (is_replaced(caller.worker.id, message.number))
        return poll_reply({});
    SLIPWAY_TRY(plane_.check_seen(message.seen_ms, message.seen_mark));
    const auto contact = request.waited == std::chrono::nanoseconds{0} || request.last_call ? Contact::fresh
                                                                                            : Contact::parked;
    const Places places = contact == Contact::fresh && more_places(caller.worker.id, message.free_places)
        ? Places::more
        : Places::as_before;
    Millis rest = 0;
    const auto decide = [&](Work& work) -> Result<protocol::PollResponse> {
        protocol::PollResponse draft;
        Worker worker = SLIPWAY_TRY(current_worker(work.records, caller));
        if (contact == Contact::fresh)
            SLIPWAY_TRY(touch(work, worker, message, places));
        rest = rest_left(work, worker, message);
        SLIPWAY_TRY(renew(work, worker, message, contact, draft));
        SLIPWAY_TRY(offer(work, worker, message, draft));
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
        return http::Reply::park({worker_topic(caller.worker.id), pool_topic(caller.pool.id),
                                     number_topic(caller.worker.id, message.number)},
            until, std::chrono::milliseconds{rest});
    if (!news.empty()) {
        const std::lock_guard lock{dealings_mutex_};
        auto& dealings = dealings_[caller.worker.id];
        dealings.told = news;
        dealings.told_at = plane_.clock().now();
    }
    return poll_reply(std::move(answer));
}

} // namespace slipway::mothership
