#include "launcher/vela/worker_api.h"

#include "common/http/http_server.h"
#include "common/random.h"
#include "crypto/ca.h"
#include "launcher/vela/worker_api_replies.h"
#include "launcher/vela/worker_api_routes.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace slipway::vela {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kShown = 200;
constexpr std::size_t kHandlers = kGuardedCalls + 4; // The rest answers probers and registrations.

bool is_address(const std::string& host)
{
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1
        || inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// An identity that nobody knows: of an authority whose key is gone when this returns.
Result<http::ServerTls> make_identity(const std::string& hostname)
{
    SystemRandom random;
    const auto now = std::chrono::system_clock::now();
    const auto authority
        = SLIPWAY_TRY(crypto::CertificateAuthority::create("slipway worker (self-signed)", random, now));
    crypto::ServerNames names;
    (is_address(hostname) ? names.ips : names.dns).push_back(hostname);
    auto made = SLIPWAY_TRY(
        in("making a certificate for \"" + hostname + "\"", authority.issue_server(names, random, now)));
    return http::ServerTls{
        SLIPWAY_TRY(made.certificate.to_pem()) + SLIPWAY_TRY(authority.certificate().to_pem()),
        std::move(made.key_pem), {}};
}

Result<http::TlsVersion> read_version(std::string_view text)
{
    constexpr std::array<std::string_view, 4> versions{"1.0", "1.1", "1.2", "1.3"};
    for (std::size_t i = 0; i < versions.size(); ++i)
        if (text == versions[i])
            return static_cast<http::TlsVersion>(i);
    return Error{Errc::invalid_input,
        "\"" + std::string{text} + "\" is no TLS version: set VELA_SERVER_TLS_MIN_VERSION to 1.2 or 1.3"};
}

Result<http::ServerTls> tls_of(const WorkerApiOptions& options)
{
    http::ServerTls tls;
    if (options.certificate_chain.empty())
        tls = SLIPWAY_TRY(make_identity(options.hostname));
    else
        tls = {options.certificate_chain, options.private_key, {}};
    tls.minimum = SLIPWAY_TRY(read_version(options.tls_min_version));
    return tls;
}

http::ServerOptions server_options(const WorkerApiOptions& options, std::uint16_t port)
{
    http::ServerOptions server{.address = options.address, .port = port, .tls = std::nullopt};
    // The server, an administrator, a prober and a scraper or two; bodies say nothing here.
    server.limits.connections = 128;
    server.limits.body_bytes = 4 * 1024;
    server.limits.buffered_bytes = 256 * 1024;
    server.deadlines.idle = 60s;
    server.deadlines.stop = 1s;
    server.io_threads = 1;
    server.handler_threads = kHandlers;
    return server;
}

/// Strangers say how long a path or a name is.
std::string shown(std::string_view text) { return std::string{text.substr(0, kShown)}; }

/// Who asked for what, and what became of it. What asks again and again is worth a line only on request.
void log_call(const Logger& logger, const http::Request& request, const http::Reply& reply)
{
    constexpr std::array<std::string_view, 3> often{"/health", "/readyz", "/metrics"};
    const bool is_often = std::ranges::find(often, request.path) != often.end();
    const auto tell = is_often ? &Logger::debug : &Logger::info;
    (logger.*tell)("a call of the API",
        {{"method", shown(request.method)}, {"path", shown(request.path)},
            {"status", std::to_string(reply.status)}, {"ip", request.peer.address},
            {"user_agent", shown(request.header("User-Agent").value_or(""))}});
}

/// One listening port and the thread that serves it.
class Listener {
public:
    static Result<std::unique_ptr<Listener>> open(
        http::ServerOptions options, std::shared_ptr<ApiCalls> calls, const Logger& logger)
    {
        auto listener = std::make_unique<Listener>();
        const bool tls = options.tls.has_value();
        options.on_reply = [tls, logger](const http::Request& request, http::Reply& reply) {
            finish_reply(request, reply, tls, std::chrono::system_clock::now());
            log_call(logger, request, reply);
        };
        const std::string what
            = "listening at port " + std::to_string(options.port) + " for the worker's API";
        listener->server_ = SLIPWAY_TRY(in(what,
            http::Server::listen(
                std::move(options), make_router(std::move(calls)), listener->topics_, logger)));
        return listener;
    }

    void start()
    {
        thread_
            = std::jthread{[server = server_.get()](std::stop_token stop) { server->run(std::move(stop)); }};
    }

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

private:
    http::Topics topics_;
    std::unique_ptr<http::Server> server_;
    std::jthread thread_;
};

class ServedApi final : public WorkerApi {
public:
    ServedApi(
        std::shared_ptr<ApiCalls> calls, std::unique_ptr<Listener> main, std::unique_ptr<Listener> plain)
        : calls_{std::move(calls)}
        , main_{std::move(main)}
        , plain_{std::move(plain)}
    {
        main_->start();
        if (plain_)
            plain_->start();
    }

    ServedApi(const ServedApi&) = delete;
    ServedApi& operator=(const ServedApi&) = delete;

    /// What waits for the server or for containers gives up, then the listeners end.
    ~ServedApi() override { calls_->stop.request_stop(); }

    [[nodiscard]] std::uint16_t port() const override { return main_->port(); }

    [[nodiscard]] std::optional<std::uint16_t> plain_port() const override
    {
        return plain_ ? std::optional{plain_->port()} : std::nullopt;
    }

private:
    std::shared_ptr<ApiCalls> calls_;
    std::unique_ptr<Listener> main_;
    std::unique_ptr<Listener> plain_;
};

} // namespace

Result<std::unique_ptr<WorkerApi>> WorkerApi::listen(
    WorkerApiOptions options, WorkerApiHooks hooks, const Logger& logger)
{
    auto server = server_options(options, options.port);
    if (options.https)
        server.tls = SLIPWAY_TRY(tls_of(options));
    auto calls = std::make_shared<ApiCalls>(options, std::move(hooks));
    auto main = SLIPWAY_TRY(Listener::open(std::move(server), calls, logger));
    std::unique_ptr<Listener> plain;
    if (options.plain_port)
        plain = SLIPWAY_TRY(Listener::open(server_options(options, *options.plain_port), calls, logger));
    return std::unique_ptr<WorkerApi>{
        std::make_unique<ServedApi>(std::move(calls), std::move(main), std::move(plain))};
}

} // namespace slipway::vela
