#include "launcher/vela/worker_api_routes.h"

#include "common/json.h"
#include "launcher/vela/jwt.h"
#include "launcher/vela/worker_api_replies.h"

#include <algorithm>
#include <charconv>

namespace slipway::vela {

namespace {

using http::Reply;
using http::Request;

constexpr std::string_view kJson = "application/json; charset=utf-8";

/// "Bearer" in any case of letters and a token; empty: there is none.
Secret token_of(const Request& request) { return Secret{request.bearer()}; }

/// Takes one of the places for guarded calls while it lives.
class Place {
public:
    explicit Place(std::atomic<int>& taken)
        : taken_{taken}
        , is_mine_{taken.fetch_add(1) < kGuardedCalls}
    {
    }

    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    ~Place() { taken_.fetch_sub(1); }

    [[nodiscard]] bool is_mine() const { return is_mine_; }

private:
    std::atomic<int>& taken_;
    bool is_mine_;
};

Reply refusal_of(const Error& error)
{
    switch (error.code()) {
    case Errc::rejected:
        return say_error(401, "this token is not the server's: " + error.message());
    case Errc::cancelled:
        return say_error(503, "this worker is about to end");
    default:
        return say_error(500, "the server did not say whether this token is its own: " + error.message());
    }
}

/// A handler that only the server reaches.
http::Handler guarded(std::shared_ptr<ApiCalls> calls, std::function<Reply(ApiCalls&, const Request&)> answer)
{
    return [calls = std::move(calls), answer = std::move(answer)](const Request& request) -> Result<Reply> {
        const auto token = token_of(request);
        if (token.empty())
            return say_error(400, "error parsing token: no token provided in Authorization header");
        const Place place{calls->guarded};
        if (!place.is_mine())
            return say_error(503, "too many calls at once: try again").with("Retry-After", "1");
        if (const auto valid = calls->hooks.validate(token, calls->stop.get_token()); !valid)
            return refusal_of(valid.error());
        return answer(*calls, request);
    };
}

void write_members(JsonWriter& json, const ExecutorView& view)
{
    json.field("runtime", "docker").field("distribution", "linux");
    if (!view.build.empty())
        json.key("build").raw(view.build);
    if (!view.pipeline.empty())
        json.key("pipeline").raw(view.pipeline);
}

Reply list_executors(ApiCalls& calls, const Request& /*request*/)
{
    JsonWriter json;
    json.begin_array();
    for (const auto& view : calls.hooks.executors()) {
        json.begin_object().field("id", std::int64_t{view.id});
        write_members(json, view);
        json.end_object();
    }
    json.end_array();
    return Reply::bytes(200, kJson, json.take());
}

/// The number of a place; nothing when it is none.
std::optional<int> index_of(const Request& request)
{
    const auto text = request.parameter("executor");
    int index = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (failure != std::errc{} || end != text.data() + text.size() || index < 0)
        return std::nullopt;
    return index;
}

Reply no_executor(const Request& request)
{
    return say_error(400, "there is no executor \"" + std::string{request.parameter("executor")} + "\"");
}

/// A handler of one executor.
http::Handler of_executor(std::shared_ptr<ApiCalls> calls, std::function<Reply(const ExecutorView&)> answer)
{
    return guarded(std::move(calls), [answer = std::move(answer)](ApiCalls& shared, const Request& request) {
        const auto index = index_of(request);
        const auto views = shared.hooks.executors();
        const auto found = std::ranges::find_if(
            views, [index](const ExecutorView& view) { return index && view.id == *index; });
        return found == views.end() ? no_executor(request) : answer(*found);
    });
}

Reply show_executor(const ExecutorView& view)
{
    JsonWriter json;
    json.begin_object();
    write_members(json, view);
    json.end_object();
    return Reply::bytes(200, kJson, json.take());
}

/// One part of an executor, if it runs something.
std::function<Reply(const ExecutorView&)> part(std::string ExecutorView::*member)
{
    return [member](const ExecutorView& view) {
        const auto& text = view.*member;
        return text.empty() ? say_error(400, "executor " + std::to_string(view.id) + " runs no build")
                            : Reply::bytes(200, kJson, text);
    };
}

Reply cancel(ApiCalls& calls, const Request& request)
{
    const auto index = index_of(request);
    if (!index)
        return no_executor(request);
    auto build = calls.hooks.cancel(*index, calls.stop.get_token());
    if (build)
        return Reply::bytes(200, kJson, *std::move(build));
    if (build.error().code() == Errc::not_found)
        return no_executor(request);
    return say_error(build.error().code() == Errc::cancelled ? 503 : 500,
        "the build was not cancelled: " + build.error().message());
}

Reply take_registration(ApiCalls& calls, const Request& request)
{
    const auto token = token_of(request);
    const auto claims = read_claims(token.reveal());
    if (!claims || claims->subject.empty())
        return Reply::bytes(401, kJson, "{}");
    const auto taken
        = claims->subject == calls.hostname ? calls.hooks.on_register(token) : Registered::wrong_host;
    switch (taken) {
    case Registered::taken:
        return say(200, "successfully passed token to worker");
    case Registered::already:
        return say(200, "this worker is registered already");
    case Registered::wrong_host:
        return say(401, "worker hostname is invalid");
    case Registered::unreadable:
        break;
    }
    return Reply::bytes(401, kJson, "{}");
}

void add_open_routes(http::Router& router, const std::shared_ptr<ApiCalls>& calls)
{
    router.add("GET", "/health", [](const Request&) { return Result<Reply>{say(200, "ok")}; });
    router.add("GET", "/readyz", [calls](const Request&) {
        const auto reasons = calls->hooks.not_ready();
        return Result<Reply>{reasons.empty() ? say(200, "ok") : say_error(503, reasons)};
    });
    router.add("GET", "/version",
        [calls](const Request&) { return Result<Reply>{Reply::bytes(200, kJson, calls->version)}; });
    router.add("GET", "/metrics", [calls](const Request&) {
        return Result<Reply>{
            Reply::bytes(200, "text/plain; version=0.0.4; charset=utf-8", calls->hooks.metrics())};
    });
    router.add("POST", "/register",
        [calls](const Request& request) { return Result<Reply>{take_registration(*calls, request)}; });
}

} // namespace

http::Router make_router(std::shared_ptr<ApiCalls> calls)
{
    http::Router router;
    add_open_routes(router, calls);
    router.add("POST", "/api/v1/shutdown", guarded(calls, [](ApiCalls&, const Request&) {
        return say(501, "shutting a worker down from afar is not implemented: stop its process");
    }));
    router.add("GET", "/api/v1/executors", guarded(calls, &list_executors));
    router.add("GET", "/api/v1/executors/{executor}", of_executor(calls, &show_executor));
    router.add("GET", "/api/v1/executors/{executor}/build", of_executor(calls, part(&ExecutorView::build)));
    router.add("GET", "/api/v1/executors/{executor}/repo", of_executor(calls, part(&ExecutorView::repo)));
    router.add(
        "GET", "/api/v1/executors/{executor}/pipeline", of_executor(calls, part(&ExecutorView::pipeline)));
    router.add("DELETE", "/api/v1/executors/{executor}/build/cancel", guarded(calls, &cancel),
        {.body_limit = 4096, .guard = {}});
    return router;
}

} // namespace slipway::vela
