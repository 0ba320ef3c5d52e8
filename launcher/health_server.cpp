#include "launcher/health_server.h"

#include "common/http/http_server.h"

#include <charconv>
#include <thread>

namespace slipway::launcher {

namespace {

constexpr std::string_view kLoopback = "127.0.0.1";

Result<std::uint16_t> read_port(std::string_view text, std::string_view whole)
{
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failure != std::errc{} || end != text.data() + text.size() || port == 0)
        return Error{Errc::invalid_input,
            "\"" + std::string{whole}
                + "\" is no address to listen at: give a port (9090), or 127.0.0.1:9090, or [::1]:9090"};
    return port;
}

http::Reply reasons(const std::string& text)
{
    return http::Reply::text(text.empty() ? 200 : 503, text.empty() ? "ok\n" : text)
        .with("Cache-Control", "no-store");
}

http::ServerOptions options_of(const HealthAddress& address)
{
    http::ServerOptions options{.address = address.address, .port = address.port, .tls = std::nullopt};
    // A prober and a scraper or two.
    options.limits.connections = 32;
    options.limits.body_bytes = 1024;
    options.limits.buffered_bytes = 64 * 1024;
    options.io_threads = 1;
    options.handler_threads = 1;
    options.deadlines.stop = std::chrono::milliseconds{500};
    return options;
}

} // namespace

struct HealthServer::Parts {
    http::Topics topics;
    std::unique_ptr<http::Server> server;
    std::jthread thread;
};

Result<HealthAddress> read_health_address(std::string_view text)
{
    HealthAddress address{.address = std::string{kLoopback}, .port = 0};
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        address.port = SLIPWAY_TRY(read_port(text, text));
        return address;
    }
    auto host = text.substr(0, colon);
    address.port = SLIPWAY_TRY(read_port(text.substr(colon + 1), text));
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return Error{Errc::invalid_input,
            "\"" + std::string{text} + "\": an IPv6 address stands in brackets: [::1]:9090"};
    if (!host.empty() && host != "localhost")
        address.address = host;
    return address;
}

Result<HealthServer> HealthServer::listen(
    const HealthAddress& address, HealthSource source, const Logger& logger)
{
    http::Router router;
    router.add("GET", "/healthz", [check = std::move(source.not_healthy)](const http::Request&) {
        return Result<http::Reply>{reasons(check())};
    });
    router.add("GET", "/readyz", [check = std::move(source.not_ready)](const http::Request&) {
        return Result<http::Reply>{reasons(check())};
    });
    router.add("GET", "/metrics", [metrics = std::move(source.metrics)](const http::Request&) {
        return Result<http::Reply>{
            http::Reply::bytes(200, "text/plain; version=0.0.4; charset=utf-8", metrics())};
    });
    auto parts = std::make_unique<Parts>();
    parts->server
        = SLIPWAY_TRY(http::Server::listen(options_of(address), std::move(router), parts->topics, logger));
    parts->thread = std::jthread{
        [server = parts->server.get()](std::stop_token stop) { server->run(std::move(stop)); }};
    return HealthServer{std::move(parts)};
}

HealthServer::HealthServer(std::unique_ptr<Parts> parts)
    : parts_{std::move(parts)}
{
}

HealthServer::HealthServer(HealthServer&&) noexcept = default;
HealthServer& HealthServer::operator=(HealthServer&&) noexcept = default;
HealthServer::~HealthServer() = default;

std::uint16_t HealthServer::port() const noexcept { return parts_->server->port(); }

} // namespace slipway::launcher
