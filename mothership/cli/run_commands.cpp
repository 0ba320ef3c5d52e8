#include "common/clock.h"
#include "common/http/url.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/table.h"

#include <array>
#include <cerrno>
#include <cstdio>

namespace slipway::cli {

namespace {

std::string run_path(const std::string& run) { return "/api/v1/runs/" + http::percent_encode(run); }

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

/// Reads a run and its log, through restarts of the control plane if it follows.
class LogReader {
public:
    LogReader(ApiClient& client, const LogOptions& options)
        : client_{client}
        , options_{options}
        , offset_{options.offset}
    {
    }

    /// The next bytes, at most 4 MiB of them; nothing at the end of what is there, after a moment if `wait`.
    Result<std::string> next(bool wait)
    {
        const std::string path = run_path(options_.run) + "/logs?offset=" + std::to_string(offset_)
            + (wait ? "&wait_ms=1000" : "");
        std::string bytes = SLIPWAY_TRY(get(path)).body;
        offset_ += bytes.size();
        return bytes;
    }

    /// Tells what the run waits for when that is new.
    Result<RunEnd> state()
    {
        const Answer answer = SLIPWAY_TRY(get(run_path(options_.run)));
        const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
        const std::string waiting = SLIPWAY_TRY(document.root().string_or("waiting_for", ""));
        if (!waiting.empty() && waiting != waiting_)
            std::fprintf(stderr, "waiting: %s\n", printable(waiting).c_str());
        waiting_ = waiting;
        const std::string state = SLIPWAY_TRY(document.root().string("state"));
        if (SLIPWAY_TRY(document.root().boolean("terminal")) == JsonValue::Boolean::yes)
            return state == "FINISHED" ? RunEnd::finished : RunEnd::failed;
        return state == "UNCONFIRMED" || state == "PENDING_REVIEW" ? RunEnd::finished : RunEnd::waiting;
    }

private:
    Result<Answer> get(const std::string& path)
    {
        const SystemClock clock;
        const auto until = clock.now() + options_.patience;
        for (bool told = false;; told = true) {
            auto answer = client_.get(path);
            if (answer)
                return answer;
            const Errc code = answer.error().code();
            if (code != Errc::unreachable && code != Errc::timed_out)
                return answer;
            if (!options_.follow || clock.now() >= until)
                return Error{code,
                    answer.error().message() + "; continue with: slipway run logs "
                        + (options_.follow ? "-f " : "") + "--offset " + std::to_string(offset_) + " "
                        + options_.run};
            if (!told)
                std::fputs("the control plane is away, waiting\n", stderr);
            clock.sleep_for(options_.pause, {});
        }
    }

    ApiClient& client_;
    const LogOptions& options_;
    std::uint64_t offset_;
    std::string waiting_;
};

} // namespace

Result<std::string> start_run(
    ApiClient& client, const std::string& stack, const std::string& type, const std::string& command)
{
    JsonWriter json;
    json.begin_object().field("type", type);
    if (!command.empty())
        json.field("command", command);
    json.end_object();
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
    const std::string type = SLIPWAY_TRY(view.string("type"));
    const std::string state = SLIPWAY_TRY(view.string("state"));
    std::printf("run %s of %s: %s, type %s\n", printable(id).c_str(), printable(stack).c_str(),
        coloured_state(state).c_str(), printable(type).c_str());
    if (const auto commit = SLIPWAY_TRY(view.string_or("commit", "")); !commit.empty())
        std::printf("sources: commit %s\n", printable(commit).c_str());
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
    LogReader reader{client, options};
    RunEnd end = RunEnd::waiting;
    for (;;) {
        const std::string bytes = SLIPWAY_TRY(reader.next(options.follow && end == RunEnd::waiting));
        if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0)
            return Error::from_errno("writing to standard output", errno);
        if (!bytes.empty())
            continue;
        if (!options.follow)
            return RunEnd::finished;
        // The run may write between the last byte that was read and its end: only nothing after it is all.
        if (end != RunEnd::waiting)
            return end;
        end = SLIPWAY_TRY(reader.state());
    }
}

} // namespace slipway::cli
