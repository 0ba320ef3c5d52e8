#include "common/http/server_connection.h"
#include "common/http/server_reply_head.h"

#include <boost/asio/post.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

namespace slipway::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kPiece = 64 * 1024;
/// What is read ahead of a parked request; then its connection is no longer watched.
constexpr std::size_t kReadAhead = 64 * 1024;
/// Bodies up to this size go out with the headers.
constexpr std::size_t kJoined = 16 * 1024;
/// A peer that still sends a body which was refused would lose the reply to a reset if we just closed
/// (RFC 9112 section 9.6); this much is read and thrown away.
constexpr std::size_t kLingerBytes = 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{2};

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

} // namespace

Connection::Task<Connection::Step> Connection::read_header(Exchange& exchange)
{
    const auto& deadlines = shared_.options.deadlines;
    deadline_ = now() + (first_ ? deadlines.header : deadlines.idle);
    while (in_.empty()) {
        std::string{}.swap(in_); // Idle connections by the thousand hold no buffer.
        if (stopping_)
            co_return Step::give_up;
        idle_ = true;
        const Io io = co_await read_more();
        idle_ = false;
        if (io != Io::ok)
            co_return Step::give_up;
    }
    if (!first_)
        deadline_ = now() + deadlines.header;
    first_ = false;
    while (true) {
        const auto used = exchange.parser.feed(in_);
        if (!used) {
            const bool large = used.error().code() == Errc::exhausted;
            co_return exchange.refuse(Reply::problem(large ? 431 : 400, used.error().message()));
        }
        in_.erase(0, *used);
        if (exchange.parser.header_done())
            co_return Step::go_on;
        const Io io = co_await read_more();
        if (io == Io::late)
            co_return exchange.refuse(Reply::problem(408, "the headers took too long"));
        if (io == Io::closed)
            co_return Step::give_up;
    }
}

/// Everything that is decided before the body is read.
Connection::Task<Connection::Step> Connection::admit(Exchange& exchange)
{
    Request& request = exchange.request;
    request.method = exchange.parser.method();
    request.headers = exchange.parser.take_headers();
    request.peer = peer_;
    auto target = parse_target(exchange.parser.target());
    if (!target)
        co_return exchange.refuse(Reply::problem(target.error()));
    request.path = target->path;
    request.query = std::move(target->query);
    if (shared_.router.needs_client_certificate(request.path) && !peer_.certificate_der)
        co_return exchange.refuse(
            Reply::problem(401, "a client certificate is needed here", "client_certificate_required"));
    auto found = shared_.router.find(request.method, *target);
    if (auto* none = std::get_if<Reply>(&found))
        co_return exchange.refuse(std::move(*none));
    auto& match = std::get<Router::Match>(found);
    exchange.route = match.route;
    request.parameters = std::move(match.parameters);

    const std::uint64_t limit = match.route->options.body_limit.value_or(shared_.options.limits.body_bytes);
    exchange.parser.limit_body(limit);
    if (exchange.parser.content_length().value_or(0) > limit)
        co_return exchange.refuse(Reply::problem(413, "the body is too large"));
    const auto expect = request.header("Expect");
    if (expect && !same_header_name(*expect, "100-continue"))
        co_return exchange.refuse(Reply::problem(417, "only 100-continue can be expected"));
    Step step = Step::go_on;
    if (match.route->options.guard && !exchange.parser.done())
        step = co_await ask_guard(exchange);
    if (step == Step::go_on && match.route->factory)
        step = co_await open_sink(exchange);
    if (step != Step::go_on)
        co_return step;
    if (expect && !exchange.parser.is_http_1_0() && !exchange.parser.done() && in_.empty()) {
        const bool sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n");
        if (!sent)
            co_return Step::give_up;
    }
    co_return Step::go_on;
}

Connection::Task<Connection::Step> Connection::ask_guard(Exchange& exchange)
{
    bool passed = false;
    co_await on_pool([&] {
        exchange.reply = ask(exchange.request, [&]() -> Result<Reply> {
            auto refusal = SLIPWAY_TRY(exchange.route->options.guard(exchange.request));
            passed = !refusal;
            return std::move(refusal).value_or(Reply{});
        });
    });
    co_return passed ? Step::go_on : Step::answer;
}

Connection::Task<Connection::Step> Connection::open_sink(Exchange& exchange)
{
    co_await on_pool([this, &exchange] {
        exchange.reply = ask(exchange.request, [&exchange]() -> Result<Reply> {
            auto made = SLIPWAY_TRY(exchange.route->factory(exchange.request));
            if (auto* refusal = std::get_if<Reply>(&made))
                return std::move(*refusal);
            exchange.sink = std::get<std::unique_ptr<BodySink>>(std::move(made));
            return Reply{};
        });
    });
    co_return exchange.sink ? Step::go_on : Step::answer;
}

Connection::Task<Connection::Step> Connection::read_body(Exchange& exchange)
{
    const auto& deadlines = shared_.options.deadlines;
    Time started = now();
    std::uint64_t received = 0;
    while (true) {
        const Time before = now();
        const Step fed = co_await feed_body(exchange);
        if (fed != Step::go_on)
            co_return fed;
        if (exchange.parser.done())
            break;
        // The time that the sink takes is not the peer's.
        started += now() - before;
        deadline_ = std::min(now() + deadlines.body_stall, started + deadlines.body_stall + earned(received));
        const std::size_t left_over = in_.size();
        const Io io = co_await read_more();
        if (io == Io::late)
            co_return exchange.refuse(Reply::problem(408, "the body took too long"));
        if (io == Io::closed)
            co_return Step::give_up;
        received += in_.size() - left_over;
    }
    if (!exchange.sink)
        exchange.request.body = exchange.parser.take_body();
    co_return Step::go_on;
}

/// Takes what has been read so far of a body to its parser and sink.
Connection::Task<Connection::Step> Connection::feed_body(Exchange& exchange)
{
    if (exchange.parser.done())
        co_return Step::go_on;
    const auto used = exchange.parser.feed(in_);
    if (!used) {
        const bool large = used.error().code() == Errc::exhausted;
        co_return exchange.refuse(Reply::problem(large ? 413 : 400, used.error().message()));
    }
    in_.erase(0, *used);
    const std::size_t kept = exchange.parser.body_size();
    if (!exchange.sink && !exchange.buffered.grow_to(kept, shared_.options.limits.buffered_bytes))
        co_return exchange.refuse(Reply::problem(503, "the server holds too many bodies just now: try again")
                                      .with("Retry-After", "1"));
    if (!exchange.sink || kept == 0)
        co_return Step::go_on;
    const std::string bytes = exchange.parser.take_body();
    bool failed = false;
    co_await on_pool([&] {
        exchange.reply = ask(exchange.request, [&]() -> Result<Reply> {
            failed = true;
            for (std::string_view rest = bytes; !rest.empty();
                 rest.remove_prefix(std::min(kPiece, rest.size())))
                SLIPWAY_TRY(exchange.sink->write(rest.substr(0, kPiece)));
            failed = false;
            return Reply{};
        });
    });
    co_return failed ? Step::answer : Step::go_on;
}

Connection::Task<Connection::Step> Connection::handle(Exchange& exchange)
{
    Request& request = exchange.request;
    const Time first = now();
    while (true) {
        const Topics::Moment since = shared_.topics.now();
        co_await on_pool([this, &exchange] {
            exchange.reply = ask(exchange.request, [&exchange] {
                return exchange.sink ? exchange.sink->finish(exchange.request)
                                     : exchange.route->handler(exchange.request);
            });
        });
        if (!std::holds_alternative<Park>(exchange.reply.body))
            co_return Step::go_on;
        if (request.last_call) {
            shared_.log.error("a handler parked at its last call", {{"path", request.path}});
            co_return exchange.refuse(Reply::problem(500, {}));
        }
        const Park wanted = std::get<Park>(std::move(exchange.reply.body));
        const Time until = first + wanted.max_wait;
        const bool looks_again = wanted.look_again > std::chrono::milliseconds{0};
        const Time pause_end = looks_again ? std::min(until, now() + wanted.look_again) : until;
        const Wake woken = co_await park(wanted, since, pause_end);
        if (woken == Wake::gone)
            co_return Step::give_up;
        request.waited = now() - first;
        request.last_call = stopping_ || now() >= until;
    }
}

Connection::Task<Connection::Wake> Connection::park(const Park& park, Topics::Moment since, Time until)
{
    struct Parked {
        ServerShared& shared;
        const std::vector<std::string>& topics;
        Topics::Ticket ticket;

        ~Parked()
        {
            --shared.parked;
            shared.topics.leave(ticket, topics);
        }
    };

    woken_ = false;
    auto executor = loop_.context.get_executor();
    const Topics::Ticket ticket
        = shared_.topics.wait(park.topics, since, [self = shared_from_this(), executor] {
              asio::post(executor, [self] {
                  self->woken_ = true;
                  self->wake();
              });
          });
    if (ticket == 0)
        co_return Wake::look_again;
    ++shared_.parked;
    const Parked parked{shared_, park.topics, ticket};
    while (!woken_ && !stopping_ && !cut_ && now() < until) {
        deadline_ = until;
        // A read is kept pending only to learn that the peer has gone.
        if (in_.size() < kReadAhead) {
            const IoStep step = read_once();
            if (step.state == IoStep::State::closed)
                co_return Wake::gone;
            if (step.state == IoStep::State::done)
                continue;
            arm(step.state);
        }
        co_await pause();
    }
    co_return cut_ ? Wake::gone : Wake::look_again;
}

Connection::Task<bool> Connection::send_reply(Exchange& exchange)
{
    Reply& reply = exchange.reply;
    if (std::holds_alternative<Park>(reply.body))
        reply = Reply::problem(500, {});
    if (shared_.options.on_reply)
        shared_.options.on_reply(exchange.request, reply);
    ++shared_.requests;
    shared_.log.debug("request",
        {{"method", exchange.request.method}, {"path", exchange.request.path},
            {"status", std::to_string(reply.status)}, {"peer", peer_.address}});
    // Bytes of a body that was not read to its end would be taken for the next request.
    const bool whole = exchange.parser.header_done() && exchange.parser.done();
    const bool more = whole && exchange.parser.keep_alive() && !stopping_;
    const auto* text = std::get_if<std::string>(&reply.body);
    auto* file = std::get_if<FileBody>(&reply.body);
    const bool with_body = exchange.request.method != "HEAD" && status_has_body(reply.status);
    std::string head
        = format_head(reply, {text ? text->size() : file->length, !more, std::chrono::system_clock::now()});
    const bool joined = text && with_body && text->size() <= kJoined;
    if (joined)
        head += *text;
    bool sent = co_await send(head);
    if (sent && with_body && text && !joined)
        sent = co_await send(*text);
    if (sent && with_body && file)
        sent = co_await send_file(*file);
    if (sent && !more)
        transport_->shut_down();
    if (sent && !whole)
        co_await linger();
    co_return sent&& more;
}

Connection::Task<bool> Connection::send_file(FileBody& file)
{
    std::string piece;
    while (file.length > 0) {
        const std::size_t wanted = std::min<std::uint64_t>(kPiece, file.length);
        ssize_t got = 0;
        // On a handler thread, since a disk may take its time.
        co_await on_pool([&] {
            piece.resize(wanted);
            do
                got = ::pread(file.file.get(), piece.data(), wanted, static_cast<off_t>(file.offset));
            while (got < 0 && errno == EINTR);
        });
        if (got <= 0) {
            shared_.log.error("a file ended or failed while it was sent", {});
            co_return false;
        }
        piece.resize(static_cast<std::size_t>(got));
        const bool sent = co_await send(piece);
        if (!sent)
            co_return false;
        file.offset += piece.size();
        file.length -= piece.size();
    }
    co_return true;
}

Connection::Task<void> Connection::linger()
{
    deadline_ = now() + kLingerTime;
    in_.clear();
    for (std::size_t thrown_away = 0; thrown_away < kLingerBytes && !stopping_; in_.clear()) {
        const Io io = co_await read_more();
        if (io != Io::ok)
            co_return;
        thrown_away += in_.size();
    }
}

/// What a handler answers, come what may.
Reply Connection::ask(const Request& request, const std::function<Result<Reply>()>& call) const
{
    std::string what = "unknown exception";
    try {
        auto reply = call();
        if (reply)
            return *std::move(reply);
        Reply problem = Reply::problem(reply.error());
        if (problem.status >= 500)
            shared_.log.with("path", request.path).error("a request failed", reply.error());
        return problem;
    } catch (const std::exception& exception) {
        what = exception.what();
    } catch (...) { // NOLINT(bugprone-empty-catch): `what` says it.
    }
    shared_.log.error("a handler threw", {{"path", request.path}, {"what", what}});
    return Reply::problem(500, {});
}

} // namespace slipway::http
