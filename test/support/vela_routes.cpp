#include "common/base64.h"
#include "test/support/vela_state.h"

#include <algorithm>
#include <utility>

namespace slipway::test {

namespace {

using namespace std::chrono_literals;
using http::Reply;
using http::Request;

/// A call with its caller known; runs under the state's lock.
using Answer = std::function<Reply(const Request&, const VelaClaims&)>;

Reply refuse(int status, std::string_view why)
{
    JsonWriter json;
    json.begin_object().field("error", why).end_object();
    return Reply::json(status, json.take());
}

Reply token_reply(std::string_view token)
{
    JsonWriter json;
    json.begin_object().field("token", token).field("expiration", std::int64_t{0}).end_object();
    return Reply::json(200, json.take());
}

bool is_worker(const VelaClaims& caller)
{
    return caller.kind == "ServerWorker" || caller.kind == "WorkerRegister" || caller.kind == "WorkerAuth";
}

std::string repo_of(const Request& request)
{
    return std::string{request.parameter("org")} + "/" + std::string{request.parameter("repo")};
}

std::string build_of(const Request& request)
{
    return repo_of(request) + "/" + std::string{request.parameter("build")};
}

std::string query_of(const Request& request)
{
    std::string text;
    for (const auto& [name, value] : request.query)
        text += (text.empty() ? "" : "&") + name + "=" + value;
    return text;
}

class Routes {
public:
    explicit Routes(VelaState& state)
        : state_{state}
    {
    }

    http::Router take()
    {
        add_workers();
        add_builds();
        add_containers("steps", &VelaBuild::steps);
        add_containers("services", &VelaBuild::services);
        add_rest();
        return std::move(router_);
    }

private:
    void add(std::string_view method, std::string_view pattern, Answer answer)
    {
        router_.add(method, pattern,
            [this_state = &state_, answer = std::move(answer)](const Request& request) -> Result<Reply> {
                this_state->meet(VelaMoment::asked, request.method, request.path);
                auto reply = take(*this_state, request, answer);
                this_state->meet(VelaMoment::done, request.method, request.path);
                return reply;
            });
    }

    static Reply take(VelaState& state, const Request& request, const Answer& answer)
    {
        const std::lock_guard lock{state.mutex};
        const auto caller = state.claims(request.bearer());
        const auto note = [&](int status) {
            state.requests.push_back({request.method, request.path, request.body, caller ? caller->kind : "",
                status, query_of(request), std::string{request.header("Content-Type").value_or("")}});
            state.changed.notify_all();
        };
        if (state.outage == VelaOutage::hangs && !request.last_call) {
            if (request.waited == 0ns)
                note(0);
            return Reply::park({"outage"}, 60s);
        }
        auto reply = request.waited != 0ns || state.outage != VelaOutage::none
            ? refuse(500, "the server is away")
            : caller ? answer(request, *caller)
                     : refuse(401, "token is not valid");
        note(reply.status);
        return reply;
    }

    /// A call about a build, with that build's token.
    void add_of_build(std::string_view method, std::string_view rest,
        std::function<Reply(const Request&, VelaBuild&)> answer)
    {
        add(method, "/api/v1/repos/{org}/{repo}/builds/{build}" + std::string{rest},
            [this_state = &state_, answer = std::move(answer)](
                const Request& request, const VelaClaims& caller) {
                const auto found = this_state->builds.find(build_of(request));
                if (found == this_state->builds.end())
                    return refuse(404, "unable to read build: record not found");
                if (caller.kind != "WorkerBuild" || caller.build_id != found->second.row.number("id")
                    || caller.repo != repo_of(request))
                    return refuse(401, "subject is not allowed to use this build");
                return answer(request, found->second);
            });
    }

    void add_workers();
    void add_builds();
    void add_containers(std::string_view list, std::map<std::int64_t, VelaContainer> VelaBuild::*containers);
    void add_rest();

    VelaState& state_;
    http::Router router_;
};

void Routes::add_workers()
{
    auto* state = &state_;
    const auto next_token = [state](const std::string& host, const VelaClaims& caller) {
        return caller.kind == "ServerWorker"
            ? state->options.secret
            : state->tokens.mint(
                {.kind = "WorkerAuth", .subject = host, .repo = ""}, state->options.auth_lifetime);
    };
    add("GET", "/api/v1/workers/{host}", [state](const Request& request, const VelaClaims&) {
        const auto found = state->workers.find(std::string{request.parameter("host")});
        return found == state->workers.end() ? refuse(404, "unable to read worker: record not found")
                                             : Reply::json(200, found->second.dump());
    });
    add("POST", "/api/v1/workers", [state, next_token](const Request& request, const VelaClaims& caller) {
        const auto document = JsonDocument::parse(request.body);
        if (!is_worker(caller) || caller.kind == "WorkerAuth")
            return refuse(401, "token is not allowed to create a worker");
        if (!document)
            return refuse(400, "unable to decode JSON for new worker");
        const auto host = document->root().string_or("hostname", "").value_or("");
        if (host.empty() || (caller.kind == "WorkerRegister" && caller.subject != host))
            return refuse(400, "hostname does not match the token");
        if (state->workers.contains(host))
            return refuse(500, "unable to create worker: duplicate key value");
        VelaRow row{request.body};
        state->workers[host] = row.set("id", state->next_id++).set("running_builds", std::string{"[]"});
        auto reply = token_reply(next_token(host, caller));
        reply.status = 201;
        return reply;
    });
    add("POST", "/api/v1/workers/{host}/refresh",
        [state, next_token](const Request& request, const VelaClaims& caller) {
            const std::string host{request.parameter("host")};
            if (!is_worker(caller) || (caller.kind != "ServerWorker" && caller.subject != host))
                return refuse(401, "token is not this worker's");
            if (!state->workers.contains(host))
                return refuse(404, "unable to read worker: record not found");
            return token_reply(next_token(host, caller));
        });
    add("PUT", "/api/v1/workers/{host}", [state](const Request& request, const VelaClaims& caller) {
        const auto found = state->workers.find(std::string{request.parameter("host")});
        const auto document = JsonDocument::parse(request.body, {.max_bytes = 1UL << 22, .max_depth = 64});
        if (!is_worker(caller))
            return refuse(401, "token is not a worker's");
        if (found == state->workers.end() || !document)
            return refuse(found == state->workers.end() ? 404 : 400, "unable to update worker");
        found->second.take(document->root(),
            {"address", "routes", "active", "running_builds", "status", "last_status_update_at",
                "last_build_started_at", "last_build_finished_at"});
        return Reply::json(200, found->second.dump());
    });
    add("GET", "/api/v1/queue/info", [state](const Request&, const VelaClaims& caller) {
        if (caller.kind != "ServerWorker" && caller.kind != "WorkerRegister")
            return refuse(401, "token is not allowed to read the queue's address");
        JsonWriter json;
        json.begin_object().field("queue_public_key", state->options.queue_public_key);
        json.field("queue_address", state->options.queue_address).end_object();
        return Reply::json(200, json.take());
    });
}

void Routes::add_builds()
{
    auto* state = &state_;
    add("GET", "/api/v1/repos/{org}/{repo}/builds/{build}/token",
        [state](const Request& request, const VelaClaims& caller) {
            const auto found = state->builds.find(build_of(request));
            if (!is_worker(caller))
                return refuse(401, "token is not a worker's");
            if (found == state->builds.end())
                return refuse(404, "unable to read build: record not found");
            const auto& row = found->second.row;
            if (row.text("status") != "pending")
                return refuse(409, "unable to mint build token: build is not in pending state");
            return token_reply(state->tokens.mint({.kind = "WorkerBuild",
                                                      .subject = caller.subject,
                                                      .build_id = row.number("id"),
                                                      .repo = repo_of(request)},
                state->options.build_lifetime));
        });
    add_of_build("GET", "/executable", [](const Request&, VelaBuild& build) {
        if (!build.executable)
            return refuse(500, "unable to pop build executable: " + std::string{kVelaNothingThere});
        VelaRow row;
        row.set("id", build.row.number("id")).set("build_id", build.row.number("id"));
        row.set_text("data", base64_encode(*std::exchange(build.executable, std::nullopt)));
        return Reply::json(200, row.dump());
    });
    add_of_build(
        "GET", "", [](const Request&, VelaBuild& build) { return Reply::json(200, build.row.dump()); });
    add_of_build("PUT", "", [](const Request& request, VelaBuild& build) {
        const auto document = JsonDocument::parse(request.body, {.max_bytes = 1UL << 22, .max_depth = 64});
        if (!document)
            return refuse(400, "unable to decode JSON for build");
        build.row.take(document->root(),
            {"status", "error", "enqueued", "started", "finished", "title", "message", "host", "runtime",
                "distribution"});
        return Reply::json(200, build.row.dump());
    });
    const auto scm_token = [](const Request&, VelaBuild&) { return token_reply("another-scm-token"); };
    add_of_build("GET", "/install_token", scm_token);
    add_of_build("POST", "/install_token", scm_token);
    add_of_build("GET", "/id_request_token", [state](const Request& request, VelaBuild& build) {
        if (build.row.text("status") != "running")
            return refuse(400, "unable to mint ID request token: build is not running");
        return token_reply(state->tokens.mint({.kind = "IDRequest",
                                                  .subject = "repo:" + repo_of(request),
                                                  .build_id = build.row.number("id"),
                                                  .repo = repo_of(request)},
            state->options.build_lifetime));
    });
    add_of_build("PUT", "/storage/{file}/upload-url", [state](const Request& request, VelaBuild&) {
        if (!state->options.has_storage)
            return refuse(403, "storage is not enabled");
        VelaRow row;
        row.set_text("url",
            state->url + "/objects/" + build_of(request) + "/" + std::string{request.parameter("file")});
        return Reply::json(200, row.dump());
    });
}

void Routes::add_containers(
    std::string_view list, std::map<std::int64_t, VelaContainer> VelaBuild::*containers)
{
    const auto add_one = [&](std::string_view method, std::string_view rest,
                             std::function<Reply(const Request&, VelaContainer&)> answer) {
        add_of_build(method, "/" + std::string{list} + "/{number}" + std::string{rest},
            [containers, answer = std::move(answer)](const Request& request, VelaBuild& build) {
                for (auto& [number, container] : build.*containers)
                    if (std::to_string(number) == request.parameter("number"))
                        return answer(request, container);
                return refuse(404, "record not found");
            });
    };
    add_one("PUT", "", [](const Request& request, VelaContainer& container) {
        const auto document = JsonDocument::parse(request.body);
        if (!document)
            return refuse(400, "unable to decode JSON");
        container.row.take(document->root(), {"status", "error", "exit_code", "started", "finished"});
        if (container.row.json("stage") != "null") // A service has none, and keeps no host.
            container.row.take(document->root(), {"host", "runtime", "distribution"});
        return Reply::json(200, container.row.dump());
    });
    add_one("GET", "/logs", [](const Request&, VelaContainer& container) {
        VelaRow row;
        row.set("id", container.row.number("id")).set("build_id", container.row.number("build_id"));
        return Reply::json(200, row.set_text("data", container.log).dump());
    });
    add_one("PUT", "/logs", [](const Request& request, VelaContainer& container) {
        const auto document = JsonDocument::parse(request.body, {.max_bytes = 96UL << 20, .max_depth = 8});
        if (!document)
            return refuse(400, "unable to decode JSON for log");
        container.log = document->root().string_or("data", "").value_or("");
        return Reply::json(200, "null");
    });
}

void Routes::add_rest()
{
    auto* state = &state_;
    add("GET", "/api/v1/secrets/{engine}/{type}/{org}/{name}/{key}",
        [state](const Request& request, const VelaClaims& caller) {
            std::string path;
            for (const auto* part : {"engine", "type", "org", "name", "key"})
                path += (path.empty() ? "" : "/") + std::string{request.parameter(part)};
            const auto found = state->secrets.find(path);
            if (caller.kind != "WorkerBuild")
                return refuse(401, "token is not a build's");
            return found == state->secrets.end() ? refuse(500,
                       "unable to get secret " + path.substr(path.find('/') + 1)
                           + " from native service: record not found")
                                                 : Reply::json(200, found->second);
        });
    add("GET", "/validate-token", [](const Request&, const VelaClaims& caller) {
        return caller.subject == "vela-server" ? Reply::json(200, "\"valid token\"")
                                               : refuse(401, "token is not the server's");
    });
    // The address is what lets a caller in, as with a presigned one.
    router_.add(
        "PUT", "/objects/{org}/{repo}/{build}/{file}", [state](const Request& request) -> Result<Reply> {
            const std::lock_guard lock{state->mutex};
            state->objects[build_of(request) + "/" + std::string{request.parameter("file")}] = request.body;
            state->requests.push_back({request.method, request.path, "", "", 200, "",
                std::string{request.header("Content-Type").value_or("")}});
            state->changed.notify_all();
            return Reply::text(200, "");
        });
}

} // namespace

std::optional<VelaClaims> VelaState::claims(std::string_view bearer) const
{
    if (!options.secret.empty() && bearer == options.secret)
        return VelaClaims{.kind = "ServerWorker", .subject = "vela-worker", .repo = ""};
    return tokens.verify(bearer);
}

void VelaState::meet(VelaMoment moment, std::string_view method, std::string_view path)
{
    std::function<void()> action;
    {
        const std::lock_guard lock{mutex};
        const auto hook = std::ranges::find_if(hooks, [&](const VelaHook& waiting) {
            return waiting.moment == moment && waiting.method == method && path.ends_with(waiting.end);
        });
        if (hook == hooks.end())
            return;
        action = std::move(hook->action);
        hooks.erase(hook);
    }
    action();
}

std::string VelaState::server_token() const
{
    return tokens.mint({.kind = "WorkerAuth", .subject = "vela-server", .repo = ""}, 60s);
}

http::Router vela_routes(VelaState& state) { return Routes{state}.take(); }

} // namespace slipway::test
