#include "common/clock.h"
#include "common/file.h"
#include "common/http/url.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/table.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <thread>

namespace slipway::cli {

namespace {

std::string run_path(const std::string& run) { return "/api/v1/runs/" + http::percent_encode(run); }

/// The log is followed through restarts of the control plane, for this long.
constexpr int kPatience = 60;
constexpr std::chrono::seconds kPause{1};

struct Milestone {
    std::string_view field;
    std::string_view name;
};

constexpr std::array<Milestone, 7> kMilestones{{{"queued_ms", "queued"}, {"picked_up_ms", "picked up"},
    {"started_ms", "started"}, {"first_byte_ms", "first byte"}, {"planned_ms", "planned"},
    {"confirmed_ms", "confirmed"}, {"applied_ms", "applied"}}};

/// Each milestone with the time since the one before it.
Result<std::string> timeline(const JsonValue& run)
{
    std::vector<std::vector<std::string>> rows;
    const auto times = SLIPWAY_TRY(run.at("timeline"));
    std::int64_t first = 0;
    std::int64_t last = 0;
    for (const auto& milestone : kMilestones) {
        const std::int64_t at = SLIPWAY_TRY(times.integer_or(milestone.field, 0));
        if (at == 0)
            continue;
        if (first == 0)
            first = last = at;
        rows.push_back({"  " + std::string{milestone.name}, "+" + format_span(at - last),
            "(" + format_span(at - first) + " after the start)"});
        last = at;
    }
    return format_table(rows);
}

Result<std::string> stage_lines(const JsonValue& run)
{
    std::string text;
    const auto stages = SLIPWAY_TRY(run.at("stages"));
    for (const auto& stage : SLIPWAY_TRY(stages.elements())) {
        const std::string outcome = SLIPWAY_TRY(stage.string_or("outcome", ""));
        text += "  " + printable(SLIPWAY_TRY(stage.string("name"))) + ": "
            + (outcome.empty() || outcome == "none" ? "not ended" : printable(outcome));
        const std::string worker = SLIPWAY_TRY(stage.string_or("worker_id", ""));
        if (!worker.empty())
            text += ", worker " + printable(worker);
        const std::string message = SLIPWAY_TRY(stage.string_or("message", ""));
        if (!message.empty())
            text += ": " + printable(message);
        text += "\n";
    }
    return text;
}

Result<RunEnd> end_of(ApiClient& client, const std::string& run)
{
    const Answer answer = SLIPWAY_TRY(client.get(run_path(run)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const std::string state = SLIPWAY_TRY(document.root().string("state"));
    if (state == "FINISHED")
        return RunEnd::finished;
    const bool terminal = SLIPWAY_TRY(document.root().boolean("terminal")) == JsonValue::Boolean::yes;
    if (terminal || state == "UNCONFIRMED" || state == "PENDING_REVIEW")
        return terminal ? RunEnd::failed : RunEnd::finished;
    return RunEnd::waiting;
}

} // namespace

Result<std::string> start_run(ApiClient& client, const std::string& stack, const std::string& type)
{
    JsonWriter json;
    json.begin_object().field("type", type).end_object();
    const std::string path = "/api/v1/stacks/" + http::percent_encode(stack) + "/runs";
    const Answer answer = SLIPWAY_TRY(client.send("POST", path, json.text()));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const std::string waiting = SLIPWAY_TRY(document.root().string_or("waiting_for", ""));
    if (!waiting.empty())
        std::fprintf(stderr, "waiting: %s\n", printable(waiting).c_str());
    return document.root().string("id");
}

Result<void> list_runs(ApiClient& client, const std::string& stack, bool json)
{
    const std::string filter = stack.empty() ? "" : "?stack=" + http::percent_encode(stack);
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/runs" + filter));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto now
        = std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock{}.wall().time_since_epoch());
    const auto runs = SLIPWAY_TRY(document.root().at("runs"));
    std::vector<std::vector<std::string>> rows{{"ID", "STACK", "TYPE", "CREATED", "STATE"}};
    for (const auto& run : SLIPWAY_TRY(runs.elements())) {
        rows.push_back({printable(SLIPWAY_TRY(run.string("id"))),
            printable(SLIPWAY_TRY(run.string("stack_id"))), printable(SLIPWAY_TRY(run.string("type"))),
            format_age(SLIPWAY_TRY(run.integer_or("created_ms", 0)), now.count()),
            coloured_state(SLIPWAY_TRY(run.string("state")))});
    }
    if (rows.size() == 1)
        std::fputs("no runs yet: slipway run start STACK\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

Result<void> show_run(ApiClient& client, const std::string& run, bool json)
{
    const Answer answer = SLIPWAY_TRY(client.get(run_path(run)));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const JsonValue view = document.root();
    const std::string id = SLIPWAY_TRY(view.string("id"));
    const std::string stack = SLIPWAY_TRY(view.string("stack_id"));
    const std::string state = SLIPWAY_TRY(view.string("state"));
    std::printf(
        "run %s of %s: %s\n", printable(id).c_str(), printable(stack).c_str(), coloured_state(state).c_str());
    const std::string waiting = SLIPWAY_TRY(view.string_or("waiting_for", ""));
    if (!waiting.empty())
        std::printf("waiting: %s\n", printable(waiting).c_str());
    const std::string stages = SLIPWAY_TRY(stage_lines(view));
    if (!stages.empty())
        std::printf("stages:\n%s", stages.c_str());
    std::printf("timeline:\n%s", SLIPWAY_TRY(timeline(view)).c_str());
    return {};
}

Result<void> decide_run(ApiClient& client, const std::string& run, const std::string& verb)
{
    const Answer answer = SLIPWAY_TRY(client.send("POST", run_path(run) + "/" + verb, "{}"));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const std::string state = SLIPWAY_TRY(document.root().string("state"));
    std::printf("run %s: %s\n", printable(run).c_str(), coloured_state(state).c_str());
    return {};
}

Result<RunEnd> print_log(ApiClient& client, const LogOptions& options)
{
    std::uint64_t offset = options.offset;
    int failures = 0;
    for (;;) {
        const std::string wait = options.follow ? "&wait_ms=1000" : "";
        const auto answer
            = client.get(run_path(options.run) + "/logs?offset=" + std::to_string(offset) + wait);
        if (!answer) {
            const bool away = answer.error().code() == Errc::unreachable;
            if (!options.follow || !away || ++failures > kPatience)
                return answer.error();
            std::this_thread::sleep_for(kPause);
            continue;
        }
        failures = 0;
        SLIPWAY_TRY(write_all(STDOUT_FILENO, answer->body));
        offset += answer->body.size();
        if (answer->complete || (!options.follow && answer->body.empty()))
            return options.follow ? end_of(client, options.run) : Result<RunEnd>{RunEnd::finished};
        if (!answer->body.empty() || !options.follow)
            continue;
        const RunEnd end = SLIPWAY_TRY(end_of(client, options.run));
        if (end == RunEnd::waiting)
            continue;
        // It may have written between the last byte that was read and its end.
        const Answer rest
            = SLIPWAY_TRY(client.get(run_path(options.run) + "/logs?offset=" + std::to_string(offset)));
        SLIPWAY_TRY(write_all(STDOUT_FILENO, rest.body));
        return end;
    }
}

} // namespace slipway::cli
