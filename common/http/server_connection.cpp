#include "common/http/server_connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <exception>

namespace slipway::http {

namespace asio = boost::asio;

namespace {

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

std::string address_of(const Connection::Socket& socket)
{
    boost::system::error_code failure;
    auto address = socket.remote_endpoint(failure).address();
    if (failure)
        return {};
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address.to_string();
}

} // namespace

Connection::Connection(
    ServerShared& shared, IoLoop& loop, Socket socket, std::unique_ptr<Transport> transport)
    : shared_{shared}
    , loop_{loop}
    , socket_{std::move(socket)}
    , transport_{std::move(transport)}
    , timer_{loop.context}
    , peer_{address_of(socket_), std::nullopt}
{
    ++shared_.connections;
}

Connection::~Connection() { --shared_.connections; }

void Connection::start()
{
    loop_.connections.insert(this);
    auto self = shared_from_this();
    try {
        asio::co_spawn(
            loop_.context, [this] { return serve(); },
            [self](const std::exception_ptr& failure) { self->finish(failure); });
    } catch (const std::exception&) { // Out of memory.
        finish(std::current_exception());
    }
}

void Connection::stop()
{
    stopping_ = true;
    if (idle_)
        cut();
    else
        wake();
}

void Connection::cut()
{
    cut_ = true;
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    wake();
}

void Connection::wake() { timer_.cancel(); }

void Connection::finish(const std::exception_ptr& failure)
{
    try {
        if (failure)
            std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
        shared_.log.error("a connection failed", {{"what", exception.what()}});
    }
    transport_.reset();
    boost::system::error_code ignored;
    socket_.close(ignored);
    loop_.connections.erase(this);
    if (loop_.stopping && loop_.connections.empty())
        loop_.cut_timer.cancel();
}

Connection::Task<void> Connection::serve()
{
    deadline_ = now() + shared_.options.deadlines.handshake;
    const Io shaken = co_await handshake();
    if (shaken != Io::ok) {
        shared_.log.debug("TLS handshake failed",
            {{"peer", peer_.address}, {"why", shaken == Io::late ? "too slow" : transport_->trouble()}});
        co_return;
    }
    peer_.certificate_der = transport_->peer_certificate();
    bool more = true;
    while (more)
        more = co_await serve_one();
}

Connection::Task<Connection::Io> Connection::handshake()
{
    while (!cut_) {
        const IoStep step = transport_->handshake();
        if (step.state == IoStep::State::done)
            co_return Io::ok;
        if (step.state == IoStep::State::closed)
            co_return Io::closed;
        if (late())
            co_return Io::late;
        arm(step.state);
        co_await pause();
    }
    co_return Io::closed;
}

/// Whether the connection goes on afterwards.
Connection::Task<bool> Connection::serve_one()
{
    // On the heap, since a coroutine frame would hold it between requests as well.
    const auto exchange = std::make_unique<Exchange>(shared_);
    Step step = co_await read_header(*exchange);
    if (step == Step::go_on)
        step = co_await admit(*exchange);
    if (step == Step::go_on)
        step = co_await read_body(*exchange);
    if (step == Step::go_on)
        step = co_await handle(*exchange);
    if (exchange->sink)
        co_await on_pool([&exchange] { exchange->sink.reset(); });
    if (step == Step::give_up)
        co_return false;
    exchange->forget_body();
    const bool more = co_await send_reply(*exchange);
    co_return more;
}

/// Waits until more is in `in_`, until `deadline_`.
Connection::Task<Connection::Io> Connection::read_more()
{
    while (!cut_) {
        const IoStep step = read_once();
        if (step.state == IoStep::State::done)
            co_return Io::ok;
        if (step.state == IoStep::State::closed)
            co_return Io::closed;
        if (late())
            co_return Io::late;
        arm(step.state);
        co_await pause();
    }
    co_return Io::closed;
}

Connection::Task<bool> Connection::send(std::string_view bytes)
{
    const auto stall = shared_.options.deadlines.write_stall;
    const Time started = now();
    std::uint64_t taken = 0;
    deadline_ = started + stall;
    while (!bytes.empty() && !cut_) {
        const IoStep step = transport_->write(bytes.data(), bytes.size());
        if (step.state == IoStep::State::done) {
            bytes.remove_prefix(step.bytes);
            taken += step.bytes;
            deadline_ = std::min(now() + stall, started + stall + earned(taken));
            continue;
        }
        if (step.state == IoStep::State::closed || late())
            co_return false;
        arm(step.state);
        co_await pause();
    }
    co_return bytes.empty();
}

/// Runs `work`, which must not throw, on a handler thread. Nothing ends this wait early: the work uses our
/// state.
Connection::Task<void> Connection::on_pool(std::function<void()> work)
{
    pool_done_ = false;
    shared_.pool->submit([this, &work] {
        work();
        asio::post(loop_.context, [this] {
            pool_done_ = true;
            wake();
        });
    });
    while (!pool_done_) {
        deadline_ = Time::max();
        co_await pause();
    }
}

Connection::Task<void> Connection::pause()
{
    timer_.expires_at(deadline_);
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

IoStep Connection::read_once()
{
    const IoStep step = transport_->read(loop_.scratch.data(), loop_.scratch.size());
    if (step.state == IoStep::State::done)
        in_.append(loop_.scratch.data(), step.bytes);
    return step;
}

void Connection::arm(IoStep::State want)
{
    const bool reading = want == IoStep::State::want_read;
    bool& armed = reading ? read_armed_ : write_armed_;
    if (std::exchange(armed, true))
        return;
    socket_.async_wait(reading ? Socket::wait_read : Socket::wait_write,
        [self = shared_from_this(), &armed](const boost::system::error_code&) {
            armed = false;
            self->wake();
        });
}

bool Connection::late() const { return now() >= deadline_; }

std::chrono::milliseconds Connection::earned(std::uint64_t bytes) const
{
    const auto rate = std::max<std::uint32_t>(shared_.options.deadlines.bytes_per_second, 1);
    return std::chrono::milliseconds{bytes / rate * 1000};
}

} // namespace slipway::http
