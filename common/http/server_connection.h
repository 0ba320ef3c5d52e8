#pragma once

#include "common/http/http_server.h"
#include "common/http/server_parser.h"
#include "common/http/server_pool.h"
#include "common/http/server_transport.h"

// Before Asio: its coroutines in 1.74 use std::exchange without including it.
// clang-format off
#include <utility>
// clang-format on

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace slipway::http {

/// What all connections of a server use.
struct ServerShared {
    ServerOptions options;
    Router router;
    Topics& topics;
    Logger log;
    std::optional<TlsServerContext> tls;
    std::unique_ptr<HandlerPool> pool;
    std::atomic<std::size_t> buffered{0}; ///< Bytes of bodies in memory.
    std::atomic<std::size_t> connections{0};
    std::atomic<std::size_t> parked{0};
    std::atomic<std::uint64_t> requests{0};
};

class Connection;

/// One I/O thread's event loop. A connection lives on one loop: all its code runs on that thread, handlers
/// excepted.
struct IoLoop {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    boost::asio::steady_timer cut_timer{context};
    std::set<Connection*> connections;
    bool stopping = false;
    /// Where every read of this thread lands first, so that a connection that waits holds no buffer.
    std::array<char, 64 * 1024> scratch{};
};

/// Serves one connection from its acceptance to its end in one coroutine. The coroutine suspends in one place
/// only, on a timer set to the current deadline; whatever else happens (the socket is ready, a handler is
/// through, a topic was notified, a stop) cancels the timer.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Socket = boost::asio::ip::tcp::socket;

    Connection(ServerShared& shared, IoLoop& loop, Socket socket, std::unique_ptr<Transport> transport);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// These three on the loop's thread.
    void start();
    /// Ends the connection as soon as nothing is being answered.
    void stop();
    /// Ends it now.
    void cut();

private:
    template <class T> using Task = boost::asio::awaitable<T>;
    using Time = std::chrono::steady_clock::time_point;

    enum class Io { ok, closed, late };
    enum class Step {
        go_on,
        answer, ///< The reply is ready: skip what lies before it.
        give_up, ///< There is nobody to answer.
    };

    /// The part of the server's budget for bodies that one request takes.
    class Buffered {
    public:
        explicit Buffered(std::atomic<std::size_t>& total)
            : total_{total}
        {
        }

        Buffered(const Buffered&) = delete;
        Buffered& operator=(const Buffered&) = delete;

        ~Buffered() { release(); }

        void release() { total_ -= std::exchange(mine_, 0); }

        /// Whether `bytes` in all are within `limit`, with what the others take.
        bool grow_to(std::size_t bytes, std::size_t limit)
        {
            const std::size_t more = bytes - std::exchange(mine_, bytes);
            return (total_ += more) <= limit;
        }

    private:
        std::atomic<std::size_t>& total_;
        std::size_t mine_ = 0;
    };

    /// One request and what becomes of it.
    struct Exchange {
        explicit Exchange(ServerShared& shared)
            : parser{shared.options.limits.header_bytes, shared.options.limits.header_count}
            , buffered{shared.buffered}
        {
        }

        RequestParser parser;
        Request request;
        const Router::Route* route = nullptr;
        std::unique_ptr<BodySink> sink;
        Reply reply;
        Buffered buffered;

        /// A peer that is slow to take its reply does not keep the place of another's body.
        void forget_body()
        {
            std::string{}.swap(request.body);
            (void)parser.take_body();
            buffered.release();
        }

        Step refuse(Reply with)
        {
            reply = std::move(with);
            return Step::answer;
        }
    };
    enum class Wake { look_again, gone };

    Task<void> serve();
    Task<Io> handshake();
    Task<bool> serve_one();

    Task<Step> read_header(Exchange& exchange);
    Task<Step> admit(Exchange& exchange);
    Task<Step> ask_guard(Exchange& exchange);
    Task<Step> open_sink(Exchange& exchange);
    Task<Step> read_body(Exchange& exchange);
    Task<Step> feed_body(Exchange& exchange);
    Task<Step> handle(Exchange& exchange);
    Task<Wake> park(const Park& park, Topics::Moment since, Time until);
    Task<bool> send_reply(Exchange& exchange);
    Task<bool> send_file(FileBody& file);
    Task<void> linger();

    Task<Io> read_more();
    Task<bool> send(std::string_view bytes);
    Task<void> on_pool(std::function<void()> work);
    Task<void> pause();

    IoStep read_once();
    void arm(IoStep::State want);
    void wake();
    void finish(const std::exception_ptr& failure);
    [[nodiscard]] bool late() const;
    /// The time that a peer earns by moving `bytes`.
    [[nodiscard]] std::chrono::milliseconds earned(std::uint64_t bytes) const;
    [[nodiscard]] Reply ask(const Request& request, const std::function<Result<Reply>()>& call) const;

    ServerShared& shared_;
    IoLoop& loop_;
    Socket socket_;
    std::unique_ptr<Transport> transport_;
    boost::asio::steady_timer timer_;
    Time deadline_;
    Peer peer_;
    std::string in_; ///< Read and not yet parsed.
    bool first_ = true;
    bool idle_ = false;
    bool stopping_ = false;
    bool cut_ = false;
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool pool_done_ = false;
    bool woken_ = false;
};

} // namespace slipway::http
