#include "common/ulid.h"
#include "mothership/people_api.h"
#include "mothership/runs.h"

#include <algorithm>
#include <limits>

namespace slipway::mothership {

namespace {

constexpr std::chrono::milliseconds kMaxWait{30'000};
constexpr std::int64_t kMaxRuns = 500;
constexpr std::int64_t kDefaultRuns = 50;
/// Of one answer with log bytes; the reader asks again from where it ends.
constexpr std::size_t kMaxLogBytes = 4 * 1024 * 1024;

} // namespace

Result<Run> run_of(Transaction& records, const http::Request& request)
{
    const auto id = request.parameter("id");
    auto run = is_ulid(id) ? SLIPWAY_TRY(records.run(id)) : std::optional<Run>{};
    if (!run)
        return Error{Errc::not_found, "there is no run " + std::string{id} + ": slipway run list"};
    return *std::move(run);
}

namespace {

void write_stages(JsonWriter& json, const std::vector<Stage>& stages)
{
    json.key("stages").begin_array();
    for (const auto& stage : stages) {
        json.begin_object().field("id", stage.id).field("name", stage.name);
        json.field("kind", stage.core.kind == protocol::StageKind::read ? "read" : "write");
        json.field("phase", stage.phase).field("worker_id", stage.core.holder).flag("held", stage.core.held);
        json.field("attempts", std::int64_t{stage.attempts});
        json.field("outcome", protocol::to_string(stage.core.outcome));
        json.field("exit_code", std::int64_t{stage.exit_code}).field("cause", stage.cause);
        json.field("message", stage.message).field("log_end", static_cast<std::int64_t>(stage.core.log_end));
        json.end_object();
    }
    json.end_array();
}

void write_timeline(JsonWriter& json, const Timeline& timeline)
{
    json.key("timeline").begin_object();
    json.field("queued_ms", timeline.queued_ms).field("picked_up_ms", timeline.picked_up_ms);
    json.field("started_ms", timeline.started_ms).field("first_byte_ms", timeline.first_byte_ms);
    json.field("planned_ms", timeline.planned_ms).field("confirmed_ms", timeline.confirmed_ms);
    json.field("applied_ms", timeline.applied_ms).end_object();
}

/// A part of a run's whole log, which is the logs of all its grants one after the other.
struct LogPart {
    std::string bytes;
    std::uint64_t next = 0;
    bool complete = false;
};

Result<LogPart> read_log_part(Transaction& records, const Run& run, std::uint64_t offset)
{
    LogPart part{.bytes = {}, .next = offset, .complete = false};
    std::uint64_t start = 0;
    for (const auto& attempt : SLIPWAY_TRY(records.attempts_of_run(run.id))) {
        const std::uint64_t end = start + attempt.log_end;
        if (part.next < end && part.bytes.size() < kMaxLogBytes) {
            const std::string bytes = SLIPWAY_TRY(records.read_log(
                attempt.stage_id, attempt.fence, part.next - start, kMaxLogBytes - part.bytes.size()));
            part.bytes += bytes;
            part.next += bytes.size();
        }
        start = end;
    }
    if (offset > start)
        return Error{
            Errc::invalid_input, "the log has " + std::to_string(start) + " bytes so far: ask from there"};
    part.complete = is_terminal(run.state) && part.next == start;
    return part;
}

} // namespace

Result<std::string> run_json(Transaction& records, const Run& run)
{
    JsonWriter json;
    json.begin_object().field("id", run.id).field("version", run.version).field("stack_id", run.stack_id);
    json.field("type", to_string(run.type)).field("state", to_string(run.state));
    if (const auto command = run.spec.phases.find("perform"); command != run.spec.phases.end())
        json.field("command", command->second.front());
    if (!run.commit.empty())
        json.field("commit", run.commit);
    json.flag("terminal", is_terminal(run.state))
        .field("waiting_for", SLIPWAY_TRY(waiting_for(records, run)));
    json.field("created_ms", run.created_ms).key("history").begin_array();
    for (const auto& entry : SLIPWAY_TRY(records.history(run.id)))
        json.begin_object()
            .field("state", to_string(entry.state))
            .field("at_ms", entry.at_ms)
            .field("note", entry.note)
            .end_object();
    json.end_array();
    write_stages(json, SLIPWAY_TRY(records.stages_of_run(run.id)));
    write_timeline(json, run.timeline);
    return json.end_object().take();
}

Result<http::Reply> PeopleApi::create_run(const http::Request& request)
{
    auto type = RunType::tracked;
    std::string command;
    if (!request.body.empty()) {
        const auto document = SLIPWAY_TRY(JsonDocument::parse(request.body));
        const auto wanted = SLIPWAY_TRY(document.root().string_or("type", "TRACKED"));
        type = run_type_from(wanted).value_or(RunType::parse);
        if (type == RunType::parse)
            return Error{Errc::invalid_input, "$.type: expected TRACKED, PROPOSED, TASK, DESTROY or TESTING"};
        command = SLIPWAY_TRY(document.root().string_or("command", ""));
        if ((type == RunType::task) == command.empty() || command.find('\0') != std::string::npos)
            return Error{Errc::invalid_input, "$.command: a TASK has a command, and nothing else has one"};
    }
    const auto decide = [&](Work& work) -> Result<std::string> {
        const auto stack = SLIPWAY_TRY(work.records.stack(request.parameter("id")));
        if (!stack)
            return Error{Errc::not_found,
                "there is no stack " + std::string{request.parameter("id")} + ": slipway stack list"};
        return run_json(work.records, SLIPWAY_TRY(mothership::create_run(work, *stack, type, command)));
    };
    return http::Reply::json(201, SLIPWAY_TRY(plane_.change(decide)));
}

Result<http::Reply> PeopleApi::list_runs(const http::Request& request)
{
    const auto limit
        = static_cast<int>(SLIPWAY_TRY(query_number_or(request, "limit", kDefaultRuns, kMaxRuns)));
    const auto look = [&](Transaction& records) -> Result<std::string> {
        const auto stack = request.query_value("stack").value_or("");
        if (!stack.empty() && !SLIPWAY_TRY(records.stack(stack)))
            return Error{Errc::not_found, "there is no stack " + std::string{stack} + ": slipway stack list"};
        JsonWriter json;
        json.begin_object().key("runs").begin_array();
        for (const auto& run : SLIPWAY_TRY(records.runs(stack, limit)))
            json.raw(SLIPWAY_TRY(run_json(records, run)));
        return json.end_array().end_object().take();
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.look(look)));
}

Result<http::Reply> PeopleApi::show_run(const http::Request& request)
{
    const auto known
        = SLIPWAY_TRY(query_number_or(request, "version", -1, std::numeric_limits<std::int64_t>::max()));
    const std::chrono::milliseconds wait{
        SLIPWAY_TRY(query_number_or(request, "wait_ms", 0, kMaxWait.count()))};
    const bool may_wait = known >= 0 && wait.count() > 0 && !request.last_call;
    const auto look = [&](Transaction& records) -> Result<std::string> {
        const Run run = SLIPWAY_TRY(run_of(records, request));
        return may_wait && run.version <= known ? std::string{} : SLIPWAY_TRY(run_json(records, run));
    };
    const auto json = SLIPWAY_TRY(plane_.look(look));
    if (json.empty())
        return http::Reply::park({run_topic(request.parameter("id"))}, wait);
    return http::Reply::json(200, json);
}

Result<http::Reply> PeopleApi::change_run(const http::Request& request, Result<void> (*decide)(Work&, Run&))
{
    const auto decide_and_show = [&](Work& work) -> Result<std::string> {
        Run run = SLIPWAY_TRY(run_of(work.records, request));
        SLIPWAY_TRY(decide(work, run));
        return run_json(work.records, SLIPWAY_TRY(run_of(work.records, request)));
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.change(decide_and_show)));
}

Result<http::Reply> PeopleApi::confirm(const http::Request& request)
{
    return change_run(request, confirm_run);
}

Result<http::Reply> PeopleApi::discard(const http::Request& request)
{
    return change_run(request, discard_run);
}

Result<http::Reply> PeopleApi::stop(const http::Request& request) { return change_run(request, stop_run); }

Result<http::Reply> PeopleApi::release(const http::Request& request)
{
    return change_run(request, release_run);
}

Result<http::Reply> PeopleApi::declare_lost(const http::Request& request)
{
    return change_run(request, declare_run_lost);
}

Result<http::Reply> PeopleApi::read_logs(const http::Request& request)
{
    const auto offset = static_cast<std::uint64_t>(
        SLIPWAY_TRY(query_number_or(request, "offset", 0, std::numeric_limits<std::int64_t>::max())));
    const std::chrono::milliseconds wait{
        SLIPWAY_TRY(query_number_or(request, "wait_ms", 0, kMaxWait.count()))};
    const auto look = [&](Transaction& records) -> Result<LogPart> {
        return read_log_part(records, SLIPWAY_TRY(run_of(records, request)), offset);
    };
    auto part = SLIPWAY_TRY(plane_.look(look));
    if (part.bytes.empty() && !part.complete && wait.count() > 0 && !request.last_call) {
        const auto id = request.parameter("id");
        return http::Reply::park({log_topic(id), run_topic(id)}, wait);
    }
    return http::Reply::text(200, std::move(part.bytes))
        .with("X-Slipway-Next-Offset", std::to_string(part.next))
        .with("X-Slipway-Complete", part.complete ? "true" : "false");
}

} // namespace slipway::mothership
