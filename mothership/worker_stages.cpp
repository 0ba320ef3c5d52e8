#include "mothership/stages.h"
#include "mothership/worker_api.h"

#include <algorithm>
#include <optional>

namespace slipway::mothership {

namespace {

namespace server = protocol::server;
using server::Verdict;

/// A worker that declines gets no offer for the first of these, twice as long after each decline that
/// follows, and never longer than the second.
constexpr Millis kShortRest = 1'000;
constexpr Millis kLongRest = 30'000;

/// What came of a call: a verdict of the core with the log's end, or that there is no such stage.
struct Answer {
    Verdict verdict = Verdict::gone;
    std::uint64_t durable = 0;
    bool differs = false; ///< Log bytes were not those that are known.
    bool forgotten = false; ///< A restored store does not know the stage.
};

/// What is said of a stage that is not there.
Result<Answer> no_stage(Work& work, protocol::Fence fence)
{
    const auto epoch = SLIPWAY_TRY(work.records.meta()).epoch;
    return Answer{.forgotten = server::unknown_stage(fence, epoch) == Verdict::ok};
}

http::Reply reply_of(const Answer& answer, const ControlPlane& plane)
{
    if (answer.forgotten)
        return forgotten_reply();
    switch (answer.verdict) {
    case Verdict::ok:
        return lease_reply(plane);
    case Verdict::gone:
    case Verdict::refused:
        return gone_reply();
    case Verdict::not_yet:
        return not_yet_reply(answer.durable);
    }
    return gone_reply();
}

server::Event event_of(const protocol::StateReport& report, const std::string& worker)
{
    switch (report.event) {
    case protocol::StageEvent::preparing:
        return server::Renew{.worker = worker, .fence = report.fence, .started = false};
    case protocol::StageEvent::started:
        return server::Started{.worker = worker, .fence = report.fence};
    case protocol::StageEvent::phase:
        return server::Renew{.worker = worker, .fence = report.fence, .started = true};
    case protocol::StageEvent::finished:
        return server::Finish{
            .worker = worker, .fence = report.fence, .outcome = report.outcome, .log_end = report.log_end};
    }
    return server::Tick{};
}

/// A stage that names a workspace has uploaded it under this grant.
Result<void> check_workspace(Work& work, const Stage& stage, const protocol::StateReport& report)
{
    if (report.event != protocol::StageEvent::finished || report.workspace.empty()
        || report.fence != stage.core.fence)
        return {};
    const auto blob = SLIPWAY_TRY(work.records.blob(stage.id, report.workspace));
    if (!blob || blob->fence != report.fence)
        return Error{Errc::invalid_input,
            "$.workspace: " + report.workspace + " was not uploaded under this grant: upload it first"};
    return {};
}

/// The first bytes of the log: people look at this time.
Result<void> note_first_byte(Work& work, const Stage& stage)
{
    auto run = SLIPWAY_TRY(work.records.run(stage.run_id));
    if (!run || run->timeline.first_byte_ms != 0)
        return {};
    run->timeline.first_byte_ms = work.wall_ms;
    work.wake(run_topic(run->id));
    return work.records.update_run(*run);
}

struct Chunk {
    protocol::Fence fence;
    std::uint64_t offset = 0;
    std::string_view bytes;
};

Result<Answer> append(Work& work, Stage& stage, const std::string& worker, const Chunk& chunk)
{
    const auto step = SLIPWAY_TRY(apply_event(work, stage,
        server::AppendLog{
            .worker = worker, .fence = chunk.fence, .offset = chunk.offset, .length = chunk.bytes.size()}));
    Answer answer{.verdict = step.verdict, .durable = step.state.log_end};
    if (step.verdict != Verdict::ok)
        return answer;
    auto attempt = SLIPWAY_TRY(work.records.attempt(stage.id, chunk.fence));
    if (!attempt)
        return Error{Errc::internal, "stage " + stage.id + " has no record of its grant"};
    const auto skip = static_cast<std::size_t>(step.skip);
    if (skip > 0) {
        const std::string known
            = SLIPWAY_TRY(work.records.read_log(stage.id, chunk.fence, chunk.offset, skip));
        answer.differs = known != chunk.bytes.substr(0, skip);
    }
    const auto fresh = chunk.bytes.substr(skip);
    if (!fresh.empty())
        SLIPWAY_TRY(work.records.append_log(stage.id, chunk.fence, chunk.offset + skip, fresh));
    attempt->log_conflict = attempt->log_conflict || answer.differs;
    attempt->log_end = step.state.log_end;
    SLIPWAY_TRY(work.records.update_attempt(*attempt));
    if (!fresh.empty()) {
        work.wake(log_topic(stage.run_id));
        SLIPWAY_TRY(note_first_byte(work, stage));
    }
    return answer;
}

} // namespace

Result<http::Reply> WorkerApi::accept(const Caller& caller, const http::Request& request)
{
    const auto message = SLIPWAY_TRY(protocol::read_accept_request(request.body));
    const auto decide = [&](Work& work) -> Result<Answer> {
        SLIPWAY_TRY(current_worker(work.records, caller));
        auto stage = SLIPWAY_TRY(stage_of(work.records, caller.pool, request));
        if (!stage)
            return Answer{};
        const auto step = SLIPWAY_TRY(apply_event(work, *stage,
            server::Accept{
                .worker = caller.worker.id, .fence = message.fence, .run_limit = message.run_limit}));
        return Answer{.verdict = step.verdict};
    };
    const auto answer = SLIPWAY_TRY(plane_.change(decide));
    return reply_of(answer, plane_);
}

Millis WorkerApi::rest_of(const std::string& worker_id)
{
    constexpr int kDoublings = 5; // past the longest rest
    const std::lock_guard lock{dealings_mutex_};
    auto& declines = dealings_[worker_id].declines;
    const Millis rest = std::min(kShortRest << declines, kLongRest);
    declines = std::min(declines + 1, kDoublings);
    return rest;
}

void WorkerApi::forget_declines(const std::string& worker_id)
{
    const std::lock_guard lock{dealings_mutex_};
    dealings_[worker_id].declines = 0;
}

Result<http::Reply> WorkerApi::decline(const Caller& caller, const http::Request& request)
{
    const auto message = SLIPWAY_TRY(protocol::read_decline_request(request.body));
    std::optional<Millis> rest; // one decline, however often the transaction is done again
    const auto decide = [&](Work& work) -> Result<Answer> {
        Worker worker = SLIPWAY_TRY(current_worker(work.records, caller));
        auto stage = SLIPWAY_TRY(stage_of(work.records, caller.pool, request));
        if (!stage)
            return Answer{};
        const auto step = SLIPWAY_TRY(
            apply_event(work, *stage, server::Decline{.worker = caller.worker.id, .fence = message.fence}));
        if (step.verdict != Verdict::ok)
            return Answer{.verdict = step.verdict};
        stage->message = "worker " + caller.worker.hostname + " declined: " + message.reason;
        SLIPWAY_TRY(work.records.update_stage(*stage));
        if (!rest)
            rest = rest_of(caller.worker.id);
        worker.rests_until = work.now + *rest;
        SLIPWAY_TRY(work.records.put_worker(worker));
        return Answer{.verdict = step.verdict};
    };
    const auto answer = SLIPWAY_TRY(plane_.change(decide));
    if (answer.verdict != Verdict::ok)
        return reply_of(answer, plane_);
    plane_.logger().info("a worker declined a stage",
        {{"worker", caller.worker.id}, {"stage", request.parameter("id")}, {"reason", message.reason}});
    return http::Reply::empty(204);
}

Result<http::Reply> WorkerApi::report(const Caller& caller, const http::Request& request)
{
    const auto message = SLIPWAY_TRY(protocol::read_state_report(request.body));
    const auto decide = [&](Work& work) -> Result<Answer> {
        SLIPWAY_TRY(current_worker(work.records, caller));
        auto stage = SLIPWAY_TRY(stage_of(work.records, caller.pool, request));
        if (!stage)
            return no_stage(work, message.fence);
        SLIPWAY_TRY(check_workspace(work, *stage, message));
        const bool contact_only = message.event == protocol::StageEvent::preparing;
        const auto step = SLIPWAY_TRY(apply_event(
            work, *stage, event_of(message, caller.worker.id), contact_only ? nullptr : &message));
        return Answer{.verdict = step.verdict, .durable = step.state.log_end};
    };
    const auto answer = SLIPWAY_TRY(plane_.change(decide));
    if (answer.verdict == Verdict::ok && message.event == protocol::StageEvent::started)
        forget_declines(caller.worker.id);
    return reply_of(answer, plane_);
}

Result<http::Reply> WorkerApi::append_log(const Caller& caller, const http::Request& request)
{
    const Chunk chunk{.fence = SLIPWAY_TRY(fence_of(request)),
        .offset = SLIPWAY_TRY(offset_of(request)),
        .bytes = request.body};
    const auto decide = [&](Work& work) -> Result<Answer> {
        SLIPWAY_TRY(current_worker(work.records, caller));
        auto stage = SLIPWAY_TRY(stage_of(work.records, caller.pool, request));
        if (!stage)
            return no_stage(work, chunk.fence);
        return append(work, *stage, caller.worker.id, chunk);
    };
    const auto answer = SLIPWAY_TRY(plane_.change(decide));
    if (answer.differs)
        plane_.logger().warn("other log bytes came for an offset that is known; the first ones were kept",
            {{"worker", caller.worker.id}, {"stage", request.parameter("id")}});
    if (answer.forgotten || answer.verdict != Verdict::ok)
        return reply_of(answer, plane_);
    return http::Reply::json(200, protocol::to_json(protocol::LogAnswer{.durable = answer.durable}));
}

} // namespace slipway::mothership
