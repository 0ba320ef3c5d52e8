#include "test/unit/vela/running_api.h"

#include "common/http/request.h"

#include <stdexcept>

namespace slipway::test {

RunningApi::RunningApi(vela::WorkerApiOptions options)
{
    if (options.hostname.empty())
        options.hostname = "vela-worker";
    options.version = "1.2.3";
    auto api = vela::WorkerApi::listen(std::move(options), hooks(), Logger{sink_});
    if (!api)
        throw std::runtime_error{api.error().message()};
    api_ = *std::move(api);
}

vela::WorkerApiHooks RunningApi::hooks()
{
    vela::WorkerApiHooks hooks;
    hooks.validate = [this](const Secret& token, std::stop_token stop) {
        ++validating;
        if (while_validating)
            while_validating(std::move(stop));
        const std::lock_guard lock{mutex_};
        validated.emplace_back(token.reveal());
        return valid;
    };
    hooks.on_register = [this](const Secret& token) {
        const std::lock_guard lock{mutex_};
        tokens.emplace_back(token.reveal());
        return registered;
    };
    hooks.executors = [this] { return executors; };
    hooks.cancel = [this](int executor, std::stop_token stop) { return cancel(executor, std::move(stop)); };
    hooks.metrics = [] { return std::string{"slipway_up 1\n"}; };
    hooks.not_ready = [this] { return not_ready; };
    return hooks;
}

RawReply RunningApi::ask(
    const std::string& method, const std::string& path, const std::string& authorization) const
{
    RawClient client{plain_port().value_or(port())};
    client.send(method + " " + path + " HTTP/1.1\r\nHost: worker\r\n"
        + (authorization.empty() ? "" : "Authorization: " + authorization + "\r\n") + "\r\n");
    return client.reply(method == "HEAD");
}

std::string header_of(const std::string& head, const std::string& name)
{
    for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at)) {
        at += 2;
        const auto colon = head.find(": ", at);
        if (colon != std::string::npos && http::same_header_name(head.substr(at, colon - at), name))
            return head.substr(colon + 2, head.find("\r\n", colon) - colon - 2);
    }
    return "(none)";
}

} // namespace slipway::test
