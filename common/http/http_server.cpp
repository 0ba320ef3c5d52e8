#include "common/http/http_server.h"

#include "common/http/server_connection.h"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <thread>
#include <vector>

namespace slipway::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// When the process is out of descriptors or memory: time for others to end.
constexpr std::chrono::milliseconds kAcceptPause{100};

/// OpenSSL writes with write(2), which would end the process when a peer has gone. A blocked SIGPIPE stays
/// with the thread that caused it.
void block_sigpipe()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

} // namespace

class Server::Impl {
public:
    Impl(ServerOptions options, Router router, Topics& topics, const Logger& log)
        : shared_{std::move(options), std::move(router), topics, log, std::nullopt, nullptr}
    {
        const std::size_t threads = std::max<std::size_t>(shared_.options.io_threads, 1);
        for (std::size_t i = 0; i < threads; ++i)
            loops_.push_back(std::make_unique<IoLoop>());
        acceptor_.emplace(loops_.front()->context);
        accept_timer_.emplace(loops_.front()->context);
    }

    Result<void> open()
    {
        if (shared_.options.tls)
            shared_.tls = SLIPWAY_TRY(TlsServerContext::create(*shared_.options.tls));
        error_code failure;
        const auto address = asio::ip::make_address(shared_.options.address, failure);
        if (failure)
            return Error{Errc::invalid_input, "not an IP address: " + shared_.options.address};
        tcp::endpoint endpoint{address, shared_.options.port};
        acceptor_->open(endpoint.protocol(), failure);
        const bool both = address.is_v6() && address.is_unspecified();
        if (both && failure == asio::error::address_family_not_supported) {
            endpoint = {asio::ip::address_v4::any(), shared_.options.port};
            acceptor_->open(endpoint.protocol(), failure);
        } else if (both && !failure) {
            acceptor_->set_option(asio::ip::v6_only{false}, failure);
        }
        if (!failure)
            acceptor_->set_option(asio::socket_base::reuse_address{true}, failure);
        if (!failure)
            acceptor_->bind(endpoint, failure);
        if (!failure)
            acceptor_->listen(asio::socket_base::max_listen_connections, failure);
        if (!failure)
            port_ = acceptor_->local_endpoint(failure).port();
        if (failure) {
            const bool taken = failure == asio::error::address_in_use;
            return Error{taken ? Errc::conflict : Errc::invalid_input,
                "listening on " + shared_.options.address + " port " + std::to_string(shared_.options.port)
                    + ": " + failure.message()};
        }
        return {};
    }

    std::uint16_t port() const noexcept { return port_; }

    void run(const std::stop_token& stop_token)
    {
        shared_.pool
            = std::make_unique<HandlerPool>(std::max<std::size_t>(shared_.options.handler_threads, 1));
        const std::stop_callback on_stop{stop_token, [this] { stop(); }};
        {
            std::vector<std::jthread> threads;
            for (const auto& loop : loops_)
                threads.emplace_back([this, &loop] { run_loop(*loop); });
        }
        shared_.pool.reset();
    }

    void stop()
    {
        if (!stopping_.exchange(true))
            asio::post(loops_.front()->context, [this] { stop_accepting(); });
    }

    Result<void> replace_tls(const ServerTls& tls)
    {
        auto fresh = std::make_shared<TlsServerContext>(SLIPWAY_TRY(TlsServerContext::create(tls)));
        asio::post(loops_.front()->context, [this, fresh] { shared_.tls = std::move(*fresh); });
        return {};
    }

    ServerStats stats() const
    {
        return {shared_.connections.load(), shared_.parked.load(), shared_.buffered.load(),
            shared_.requests.load()};
    }

private:
    void run_loop(IoLoop& loop)
    {
        block_sigpipe();
        while (true) {
            try {
                // The first time, and whenever the event that failed was one of accepting.
                if (&loop == loops_.front().get() && !accepting_ && !stopping_)
                    accept_next();
                loop.context.run();
                return;
            } catch (const std::exception& exception) { // Out of memory, say: the others go on.
                shared_.log.error("an event of the HTTP server failed", {{"what", exception.what()}});
                std::this_thread::sleep_for(kAcceptPause);
            }
        }
    }

    void accept_next()
    {
        IoLoop& loop = *loops_[next_loop_++ % loops_.size()];
        acceptor_->async_accept(loop.context, [this, &loop](const error_code& failure, tcp::socket socket) {
            accepting_ = false;
            if (stopping_ || !acceptor_->is_open())
                return;
            if (!failure) {
                welcome(loop, std::move(socket));
                accept_next();
                return;
            }
            shared_.log.warn("accepting a connection failed", {{"why", failure.message()}});
            accept_timer_->expires_after(kAcceptPause);
            accept_timer_->async_wait([this](const error_code& cancelled) {
                accepting_ = false;
                if (!cancelled && acceptor_->is_open())
                    accept_next();
            });
            accepting_ = true;
        });
        accepting_ = true;
    }

    void welcome(IoLoop& loop, tcp::socket socket)
    {
        if (shared_.connections >= shared_.options.limits.connections) {
            shared_.log.debug("refused a connection: too many");
            return;
        }
        error_code failure;
        socket.set_option(tcp::no_delay{true}, failure);
        // OpenSSL reads and writes the descriptor itself and must never block the thread.
        socket.native_non_blocking(true, failure);
        if (failure)
            return;
        auto transport = shared_.tls
            ? shared_.tls->accept(socket.native_handle())
            : Result<std::unique_ptr<Transport>>{plain_transport(socket.native_handle())};
        if (!transport) {
            shared_.log.warn("accepting a connection failed", transport.error());
            return;
        }
        auto connection
            = std::make_shared<Connection>(shared_, loop, std::move(socket), *std::move(transport));
        asio::post(loop.context, [connection] { connection->start(); });
    }

    void stop_accepting()
    {
        error_code ignored;
        acceptor_->close(ignored);
        accept_timer_->cancel();
        // Behind the start of every connection that was accepted.
        for (const auto& loop : loops_)
            asio::post(loop->context, [this, &loop] { stop_loop(*loop); });
    }

    void stop_loop(IoLoop& loop)
    {
        loop.stopping = true;
        loop.work.reset();
        if (loop.connections.empty())
            return;
        loop.cut_timer.expires_after(shared_.options.deadlines.stop);
        loop.cut_timer.async_wait([&loop](const error_code& cancelled) {
            if (!cancelled)
                std::for_each(
                    loop.connections.begin(), loop.connections.end(), std::mem_fn(&Connection::cut));
        });
        std::for_each(loop.connections.begin(), loop.connections.end(), std::mem_fn(&Connection::stop));
    }

    ServerShared shared_;
    std::vector<std::unique_ptr<IoLoop>> loops_;
    std::optional<tcp::acceptor> acceptor_;
    std::optional<asio::steady_timer> accept_timer_;
    std::uint16_t port_ = 0;
    std::size_t next_loop_ = 0;
    bool accepting_ = false; ///< A connection is waited for. Of the first loop's thread.
    std::atomic<bool> stopping_{false};
};

Result<std::unique_ptr<Server>> Server::listen(
    ServerOptions options, Router router, Topics& topics, const Logger& logger)
{
    auto impl = std::make_unique<Impl>(std::move(options), std::move(router), topics, logger);
    SLIPWAY_TRY(impl->open());
    return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

Server::Server(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

Server::~Server() = default;

std::uint16_t Server::port() const noexcept { return impl_->port(); }

void Server::run(std::stop_token stop) { impl_->run(stop); }

void Server::stop() { impl_->stop(); }

Result<void> Server::replace_tls(const ServerTls& tls) { return impl_->replace_tls(tls); }

ServerStats Server::stats() const { return impl_->stats(); }

} // namespace slipway::http
