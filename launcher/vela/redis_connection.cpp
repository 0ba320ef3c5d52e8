#include "launcher/vela/redis_connection.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace slipway::vela {

namespace {

using Command = CPtr<char, &redisFreeCommand>;
using Kind = RedisReply::Kind;

constexpr std::size_t kPiece = 64U << 10U;

/// A part of the time that is left, so that one silent Sentinel leaves some for the others.
RedisWait share(const RedisWait& wait, std::size_t parts)
{
    const auto now = std::chrono::steady_clock::now();
    return {now + (wait.deadline() - now) / static_cast<int>(parts), wait.stop()};
}

std::optional<RedisHost> host_of(const RedisReply& reply)
{
    if (reply.kind != Kind::list || reply.list.size() != 2)
        return std::nullopt;
    const std::string& port = reply.list[1].text;
    RedisHost host{.name = reply.list[0].text, .port = 0};
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), host.port);
    if (error != std::errc{} || end != port.data() + port.size() || host.port == 0 || host.name.empty()
        || host.name.starts_with('/'))
        return std::nullopt;
    return host;
}

} // namespace

bool is_passing(const RedisReply& reply) noexcept
{
    static constexpr std::array kPassing = std::to_array<std::string_view>({"LOADING", "READONLY",
        "MASTERDOWN", "UNBLOCKED", "BUSY", "TRYAGAIN", "NOREPLICAS", "OOM", "MISCONF"});
    return std::ranges::find(kPassing, reply.error_code()) != kPassing.end();
}

Error refusal(std::string_view command, const RedisReply& reply)
{
    std::string text = "Redis refused " + std::string{command} + ": ";
    if (reply.kind == Kind::error)
        text += std::string_view{reply.text}.substr(
            0, std::min<std::size_t>(reply.text.find(", with args"), 200));
    else
        text += "its answer is of another kind";
    return {is_passing(reply) ? Errc::unreachable : Errc::rejected, std::move(text)};
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(
    const RedisAddress& address, const RedisWait& wait)
{
    const auto host
        = address.master.empty() ? address.hosts.front() : SLIPWAY_TRY(ask_sentinels(address, wait));
    auto socket = SLIPWAY_TRY(RedisSocket::connect(host, address.tls, wait));
    std::unique_ptr<RedisConnection> connection{new RedisConnection{std::move(socket)}};
    SLIPWAY_TRY(connection->log_in(address, wait));
    return connection;
}

Result<RedisHost> RedisConnection::ask_sentinels(const RedisAddress& address, const RedisWait& wait)
{
    Error last{Errc::unreachable, "there is no Sentinel"};
    std::size_t left = address.hosts.size();
    for (const auto& sentinel : address.hosts) {
        const RedisWait part = share(wait, left--);
        const auto ask = [&]() -> Result<RedisHost> {
            RedisConnection connection{SLIPWAY_TRY(RedisSocket::connect(sentinel, address.tls, part))};
            const auto reply
                = SLIPWAY_TRY(connection.call({"SENTINEL", "get-master-addr-by-name", address.master}, part));
            if (reply.kind == Kind::nil)
                return Error{Errc::unreachable, "it knows no master of this name"};
            if (auto host = host_of(reply))
                return *std::move(host);
            return refusal("SENTINEL", reply);
        };
        auto found = in("asking the Sentinel " + sentinel.text() + " for " + address.master, ask());
        if (found || found.error().code() == Errc::cancelled)
            return found;
        last = std::move(found).error();
    }
    return last;
}

Result<void> RedisConnection::log_in(const RedisAddress& address, const RedisWait& wait)
{
    if (!address.password.empty()) {
        std::vector<std::string_view> words{"AUTH"};
        if (!address.user.empty())
            words.push_back(address.user);
        words.push_back(address.password.reveal());
        const auto reply = SLIPWAY_TRY(call(words, wait));
        // Its words may repeat what it was told.
        if (is_passing(reply))
            return Error{Errc::unreachable, "Redis takes no logins now"};
        if (reply.kind != Kind::status)
            return Error{Errc::rejected,
                "Redis refused the user or the password in the address of the queue ("
                    + std::string{reply.error_code().substr(0, 20)} + ")"};
    }
    if (address.database != 0) {
        const std::string number = std::to_string(address.database);
        const auto reply = SLIPWAY_TRY(call({"SELECT", number}, wait));
        if (reply.kind != Kind::status)
            return refusal("the database " + number, reply);
    }
    const auto reply = SLIPWAY_TRY(call({"CLIENT", "ID"}, wait));
    if (reply.error_code() == "NOAUTH")
        return Error{Errc::rejected, "Redis asks for a password, and the address of the queue has none"};
    if (reply.kind == Kind::integer)
        id_ = std::to_string(reply.integer);
    return {};
}

Result<void> RedisConnection::send(const std::vector<std::string_view>& words, const RedisWait& wait)
{
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto word : words) {
        texts.push_back(word.empty() ? "" : word.data());
        sizes.push_back(word.size());
    }
    char* formatted = nullptr;
    const int size
        = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), texts.data(), sizes.data());
    if (size < 0)
        return Error{Errc::internal, "a command for Redis cannot be written"};
    const Command command{formatted};
    auto sent = socket_.write({formatted, static_cast<std::size_t>(size)}, wait);
    if (words.front() == "AUTH")
        wipe(formatted, static_cast<std::size_t>(size));
    return sent;
}

Result<std::optional<RedisReply>> RedisConnection::look()
{
    for (;;) {
        auto reply = SLIPWAY_TRY(reader_.next());
        if (reply)
            return reply;
        std::array<char, kPiece> piece; // NOLINT(*-member-init): written by read
        const auto got = SLIPWAY_TRY(socket_.read(piece));
        if (!got)
            return std::optional<RedisReply>{};
        SLIPWAY_TRY(reader_.feed({piece.data(), *got}));
    }
}

Result<RedisReply> RedisConnection::receive(const RedisWait& wait)
{
    for (;;) {
        if (auto reply = SLIPWAY_TRY(look()))
            return *std::move(reply);
        SLIPWAY_TRY(wait.poll(socket_.fd(), socket_.read_events()));
    }
}

Result<RedisReply> RedisConnection::call(const std::vector<std::string_view>& words, const RedisWait& wait)
{
    SLIPWAY_TRY(send(words, wait));
    return receive(wait);
}

} // namespace slipway::vela
