#include "common/http/http_client.h"
#include "test/support/vela_state.h"

#include <utility>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kPatience{30};

VelaAnswer refuse(int status, std::string_view why)
{
    JsonWriter json;
    json.begin_object().field("error", why).end_object();
    return {.status = status, .body = json.take()};
}

/// Nothing: nobody answers there.
std::optional<VelaAnswer> call(
    const VelaState& state, const std::string& method, const std::string& worker, const std::string& path)
{
    auto client = http::HttpClient::create({.base_url = worker});
    if (!client)
        return std::nullopt;
    const auto answer = client->send({.method = method,
                                         .url = path,
                                         .headers = {{"Authorization", "Bearer " + state.server_token()}},
                                         .body = {},
                                         .timeout = kPatience},
        {});
    return answer ? std::optional{VelaAnswer{.status = answer->status, .body = answer->body}} : std::nullopt;
}

/// The place in which a worker runs a build; nothing when none of those it lists does.
std::optional<std::int64_t> executor_of(const std::string& list, std::int64_t build)
{
    const auto document = JsonDocument::parse(list, {.max_bytes = 1UL << 26, .max_depth = 64});
    const auto executors = document ? document->root().elements() : document.error();
    if (!executors)
        return std::nullopt;
    for (const auto& executor : *executors) {
        const auto held = executor.find("build");
        if (held && *held && (*held)->integer_or("id", 0).value_or(0) == build)
            return executor.integer_or("id", 0).value_or(0);
    }
    return std::nullopt;
}

/// What no worker runs is cancelled in the rows alone.
VelaAnswer mark(VelaState& state, const std::string& name, std::string_view why)
{
    const std::lock_guard lock{state.mutex};
    auto& build = state.builds.at(name);
    build.row.set_text("status", "canceled")
        .set_text("error", std::string{why} + " build was canceled by octo");
    for (auto* containers : {&build.steps, &build.services})
        for (auto& [number, container] : *containers)
            if (const auto status = container.row.text("status"); status == "running" || status == "pending")
                container.row.set_text("status", "canceled");
    return {.status = 200, .body = build.row.dump()};
}

/// The pipeline goes first: of a build that a worker has it from nothing is cancelled.
VelaAnswer cancel_pending(VelaState& state, const std::string& name)
{
    const auto taken = [&] {
        const std::lock_guard lock{state.mutex};
        return !std::exchange(state.builds.at(name).executable, std::nullopt);
    };
    return taken() ? refuse(500,
               "unable to pop build " + name + " from executables table: " + std::string{kVelaNothingThere})
                   : mark(state, name, "pending");
}

VelaAnswer cancel_running(VelaState& state, const std::string& name, const VelaRow& row)
{
    std::string address;
    {
        const std::lock_guard lock{state.mutex};
        const auto worker = state.workers.find(row.text("host"));
        if (worker == state.workers.end())
            return refuse(404, "unable to get worker for build: record not found");
        address = worker->second.text("address");
    }
    const auto listed = call(state, "GET", address, "/api/v1/executors");
    if (listed && listed->status != 200)
        return *listed;
    const auto executor = executor_of(listed ? listed->body : "[]", row.number("id"));
    if (!executor)
        return mark(state, name, "stale");
    const auto answer
        = call(state, "DELETE", address, "/api/v1/executors/" + std::to_string(*executor) + "/build/cancel");
    if (!answer || answer->status != 200)
        return answer.value_or(refuse(400, "unable to connect to " + address));
    const std::lock_guard lock{state.mutex};
    // Every column is written: what the worker left out is gone.
    auto& stored = state.builds.at(name).row;
    stored = VelaRow{answer->body};
    stored.set_text("status", "canceled").set_text("error", "running build was canceled by octo");
    return {.status = 200, .body = stored.dump()};
}

} // namespace

VelaAnswer vela_cancel(VelaState& state, const std::string& build)
{
    VelaRow row;
    {
        const std::lock_guard lock{state.mutex};
        row = state.builds.at(build).row;
    }
    const auto status = row.text("status");
    auto answer = status == "running" ? cancel_running(state, build, row)
        : status == "pending"         ? cancel_pending(state, build)
                                      : refuse(400, "found build " + build + " but its status was " + status);
    const std::lock_guard lock{state.mutex};
    state.requests.push_back(
        {"DELETE", "(cancel of " + build + ")", "", "UserAccess", answer.status, "", ""});
    state.changed.notify_all();
    return answer;
}

void vela_replace_pending(VelaState& state, const std::string& build)
{
    const std::lock_guard lock{state.mutex};
    auto& cancelled = state.builds.at(build);
    cancelled.row.set_text("status", "canceled");
    if (std::exchange(cancelled.executable, std::nullopt))
        cancelled.row.set_text("error", "pending build was auto canceled in favor of build 17");
}

} // namespace slipway::test
