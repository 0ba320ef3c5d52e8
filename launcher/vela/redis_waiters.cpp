#include "launcher/vela/redis_waiters.h"

#include <algorithm>

namespace slipway::vela {

namespace {

using namespace std::chrono_literals;

/// How much later than it should Redis may end a wait.
constexpr auto kGrace = 5s;
/// For what is left to do after a stop.
constexpr auto kSettle = 1s;

RedisWait within(std::chrono::milliseconds time, std::stop_token stop = {})
{
    return {std::chrono::steady_clock::now() + time, std::move(stop)};
}

} // namespace

RedisWaiters::Outcome RedisWaiters::run(const std::vector<std::vector<std::string>>& commands,
    std::chrono::milliseconds wait, std::stop_token stop)
{
    Outcome outcome;
    outcome.replies.resize(commands.size());
    outcome.end = send(commands, stop);
    if (outcome.end)
        outcome.end = first_answer(outcome, within(wait + kGrace, stop));
    settle(outcome);
    return outcome;
}

Result<void> RedisWaiters::send(const std::vector<std::vector<std::string>>& commands, std::stop_token stop)
{
    waiters_.resize(commands.size());
    for (auto& waiter : waiters_) {
        if (!waiter.connection)
            waiter.connection
                = SLIPWAY_TRY(RedisConnection::open(address_, RedisWait{dial_deadline(address_), stop}));
    }
    for (std::size_t i = 0; i < commands.size(); ++i) {
        // Set first: of a command that was written in part it is not known whether it was read whole.
        waiters_[i].pending = true;
        SLIPWAY_TRY(
            waiters_[i].connection->send({commands[i].begin(), commands[i].end()}, within(kSettle, stop)));
    }
    return {};
}

Result<void> RedisWaiters::first_answer(Outcome& outcome, const RedisWait& wait)
{
    using Kind = RedisReply::Kind;
    bool answered = false;
    while (!answered) {
        std::vector<pollfd> sockets;
        std::vector<std::size_t> of;
        for (std::size_t i = 0; i < waiters_.size(); ++i) {
            if (!waiters_[i].pending)
                continue;
            const auto& socket = waiters_[i].connection->socket();
            sockets.push_back({.fd = socket.fd(), .events = socket.read_events(), .revents = 0});
            of.push_back(i);
        }
        if (sockets.empty())
            return {};
        SLIPWAY_TRY(wait.poll(sockets));
        for (std::size_t k = 0; k < of.size(); ++k) {
            auto& waiter = waiters_[of[k]];
            if (sockets[k].revents == 0)
                continue;
            if (auto reply = SLIPWAY_TRY(waiter.connection->look())) {
                waiter.pending = false;
                outcome.replies[of[k]] = *std::move(reply);
                answered = answered || outcome.replies[of[k]].kind != Kind::nil;
            }
        }
    }
    return {};
}

/// Told to end, a command answers with nil, or with what it took before: nothing is lost between.
bool RedisWaiters::unblock()
{
    const auto all = [&](RedisConnection& connection, const RedisWait& wait) -> Result<RedisReply> {
        RedisReply last;
        for (auto& waiter : waiters_) {
            if (!waiter.pending)
                continue;
            last = SLIPWAY_TRY(connection.call({"CLIENT", "UNBLOCK", waiter.connection->id()}, wait));
            if (last.kind != RedisReply::Kind::integer)
                return last;
        }
        return last;
    };
    if (std::ranges::none_of(waiters_, &Waiter::pending))
        return true;
    const auto last = lane_.use(all, {}, kSettle);
    return last && last->kind == RedisReply::Kind::integer;
}

void RedisWaiters::settle(Outcome& outcome)
{
    const RedisWait wait = within(unblock() ? kSettle : 0s);
    for (std::size_t i = 0; i < waiters_.size(); ++i) {
        auto& waiter = waiters_[i];
        if (waiter.pending) {
            auto reply = waiter.connection->receive(wait);
            if (reply) {
                outcome.replies[i] = *std::move(reply);
            } else {
                outcome.unsure = true;
                waiter.connection.reset();
            }
        }
        waiter.pending = false;
        if (is_passing(outcome.replies[i]))
            waiter.connection.reset();
    }
}

} // namespace slipway::vela
