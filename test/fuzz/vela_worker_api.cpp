// Requests to the worker's API, past the HTTP parser: method, target and authorization, a line each. No build
// is shown and no cancel made without the server's token; every answer is the API's own in form.
#include "common/http/request.h"
#include "common/json.h"
#include "launcher/vela/worker_api_replies.h"
#include "launcher/vela/worker_api_routes.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace slipway;
using namespace slipway::vela;

constexpr std::string_view kToken = "the-server's";

void require(bool truth)
{
    if (!truth)
        std::abort();
}

struct Seen {
    bool valid = false;
    bool cancelled = false;
    bool registered = false;
};

Seen& seen()
{
    static Seen state;
    return state;
}

WorkerApiHooks hooks()
{
    WorkerApiHooks hooks;
    hooks.validate = [](const Secret& token, std::stop_token) -> Result<void> {
        seen().valid = token.equals(kToken);
        if (seen().valid)
            return {};
        return Error{Errc::rejected, "no"};
    };
    hooks.on_register = [](const Secret&) {
        seen().registered = true;
        return Registered::taken;
    };
    hooks.executors = [] {
        require(seen().valid);
        return std::vector<ExecutorView>{{.id = 0, .build = "{\"id\":7}", .repo = "{}", .pipeline = "{}"}};
    };
    hooks.cancel = [](int executor, std::stop_token) -> Result<std::string> {
        seen().cancelled = true;
        if (executor == 0)
            return std::string{"{}"};
        return Error{Errc::not_found, "none"};
    };
    hooks.metrics = [] { return std::string{}; };
    hooks.not_ready = [] { return std::string{}; };
    return hooks;
}

std::string_view take_line(std::string_view& text)
{
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

http::Reply answer(const http::Router& router, http::Request& request, const http::Target& target)
{
    auto found = router.find(request.method, target);
    if (auto* none = std::get_if<http::Reply>(&found))
        return std::move(*none);
    auto& match = std::get<http::Router::Match>(found);
    request.parameters = std::move(match.parameters);
    auto reply = match.route->handler(request);
    require(reply.has_value());
    return *std::move(reply);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const auto calls = std::make_shared<ApiCalls>(WorkerApiOptions{.hostname = "w"}, hooks());
    static const auto router = make_router(calls);
    std::string_view text{reinterpret_cast<const char*>(data), size};
    http::Request request;
    request.method = take_line(text);
    const auto target = http::parse_target(take_line(text));
    if (!target)
        return 0;
    request.path = target->path;
    request.headers = {{"Authorization", std::string{take_line(text)}}};
    seen() = {};
    auto reply = answer(router, request, *target);
    require(!seen().cancelled || seen().valid);
    require(!seen().registered || request.path == "/register");
    finish_reply(request, reply, false, {});
    const auto& body = std::get<std::string>(reply.body);
    const bool is_json = !body.empty() && request.path != "/metrics";
    require(!is_json || JsonDocument::parse("[" + body + "]").has_value());
    require(calls->guarded == 0);
    return 0;
}
