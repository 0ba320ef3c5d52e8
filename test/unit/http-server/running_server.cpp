#include "test/unit/http-server/running_server.h"

#include "common/file.h"

#include <fcntl.h>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace slipway::test {

RunningServer::RunningServer(http::Router router, http::ServerOptions options)
{
    auto file = open_file(directory_.path() / "log", O_CREAT | O_WRONLY | O_APPEND);
    if (!file)
        throw std::runtime_error{file.error().message()};
    log_file_ = *std::move(file);
    sink_ = std::make_unique<LogSink>(log_file_.get(), LogFormat::logfmt, LogLevel::debug, clock_);
    auto server = http::Server::listen(std::move(options), std::move(router), *topics_, Logger{*sink_});
    if (!server)
        throw std::runtime_error{server.error().message()};
    server_ = *std::move(server);
    thread_ = std::jthread{[this](const std::stop_token& stop) { server_->run(stop); }};
}

RunningServer::~RunningServer() = default;

void RunningServer::join() { thread_.join(); }

std::string RunningServer::log() const
{
    return read_file(directory_.path() / "log", 64 * 1024 * 1024).value_or(std::string{});
}

http::Router small_router()
{
    http::Router router;
    router.add("GET", "/ok", [](const http::Request&) { return http::Reply::text(200, "ok"); });
    router.add(
        "POST", "/echo", [](const http::Request& request) { return http::Reply::text(200, request.body); });
    router.add(
        "GET", "/throw", [](const http::Request&) -> http::Reply { throw std::runtime_error{"a bug"}; });
    return router;
}

bool comes_true(const std::function<bool()>& condition)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::yield();
    }
    return true;
}

} // namespace slipway::test
