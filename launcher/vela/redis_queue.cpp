#include "launcher/vela/redis_queue.h"

#include <algorithm>
#include <array>
#include <limits>

namespace slipway::vela {

namespace {

using namespace std::chrono_literals;
using Kind = RedisReply::Kind;

/// Whether Redis knows no such command (before 6.2), or does not let us use it or our list.
bool is_no_move(const RedisReply& reply)
{
    return reply.error_code() == "NOPERM" || reply.error_code() == "CROSSSLOT"
        || reply.text.starts_with("ERR unknown command");
}

bool is_passing_error(const Error& error)
{
    return error.code() == Errc::unreachable || error.code() == Errc::timed_out
        || error.code() == Errc::exhausted;
}

/// As Redis takes it; never 0, which would be for ever.
std::string seconds(std::chrono::milliseconds time)
{
    const auto count = std::max<std::int64_t>(time.count(), 1);
    std::string fraction = std::to_string(1000 + count % 1000);
    fraction.front() = '.';
    return std::to_string(count / 1000) + fraction;
}

} // namespace

Result<std::unique_ptr<Queue>> Queue::open(QueueOptions options, const Logger& logger)
{
    auto address = SLIPWAY_TRY(parse_redis_address(options.address.reveal(), options.sentinel));
    if (options.own_list.empty())
        return Error{Errc::invalid_input, "this worker's list of the queue has no name"};
    return std::unique_ptr<Queue>{
        std::make_unique<RedisQueue>(std::move(address), std::move(options.own_list), logger)};
}

RedisQueue::RedisQueue(RedisAddress address, std::string own_list, const Logger& logger)
    : address_{std::move(address)}
    , logger_{logger}
    , lane_{address_}
    , own_{std::move(own_list), lane_, logger}
    , waiters_{address_, lane_}
    , backoff_{clock_, random_, 5s}
{
}

RedisQueue::Found RedisQueue::take(
    const std::vector<std::string>& routes, std::chrono::milliseconds wait, std::stop_token stop)
{
    if (routes.empty() || std::ranges::find(routes, own_.key()) != routes.end())
        return Error{Errc::invalid_input, "there is no route to take from, or it is this worker's own list"};
    const auto until = std::chrono::steady_clock::now() + wait;
    for (bool said = false;;) {
        const auto left
            = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        auto found = attempt(routes, std::max(left, 0ms), stop);
        if (found || !is_passing_error(found.error())) {
            if (said && found)
                logger_.info("Redis answers again");
            backoff_.reset();
            return found;
        }
        const auto pause = backoff_.next();
        if (std::chrono::steady_clock::now() + pause >= until)
            return found;
        if (!std::exchange(said, true))
            logger_.warn("the queue is away; trying again", found.error());
        if (clock_.sleep_for(pause, stop) == Clock::Slept::stopped)
            return Error{Errc::cancelled, "stopped while Redis was away"};
    }
}

RedisQueue::Found RedisQueue::attempt(
    const Routes& routes, std::chrono::milliseconds wait, std::stop_token stop)
{
    if (!probed_)
        SLIPWAY_TRY(probe(stop));
    if (unsure_) {
        if (auto found = SLIPWAY_TRY(reclaim(stop)))
            return std::optional<Taken>{*std::move(found)};
    }
    if (!pops_) {
        if (auto found = SLIPWAY_TRY(move_now(routes, stop)))
            return std::optional<Taken>{*std::move(found)};
    }
    if (!pops_ && wait >= 1ms) {
        if (auto found = SLIPWAY_TRY(wait_for_move(routes, wait, stop)))
            return std::optional<Taken>{*std::move(found)};
    }
    return pops_ ? wait_for_pop(routes, wait, stop) : Found{std::optional<Taken>{}};
}

/// An element that could be moved but never removed again would be built anew at each start.
Result<void> RedisQueue::probe(std::stop_token stop)
{
    const std::vector<std::vector<std::string_view>> needed{
        {"LREM", own_.key(), "1", ""}, {"LINDEX", own_.key(), "1000000"}};
    for (const auto& words : needed) {
        const auto reply = SLIPWAY_TRY(lane_.call(words, stop));
        if (is_no_move(reply))
            pop_from_now_on(reply);
        else if (reply.kind == Kind::error)
            return refusal(words.front(), reply);
    }
    probed_ = true;
    return {};
}

void RedisQueue::pop_from_now_on(const RedisReply& reply)
{
    if (std::exchange(pops_, true))
        return;
    logger_.warn("Redis does not let this worker keep builds in a list of its own; they are popped, and one "
                 "that is popped at the moment of a crash is lost: allow LMOVE, BLMOVE, LREM, LINDEX, LPOS, "
                 "LPUSH, WATCH, MULTI and EXEC (Redis 6.2 and newer)",
        {{"list", own_.key()}, {"cause", refusal("it", reply).message()}});
}

RedisQueue::Found RedisQueue::reclaim(std::stop_token stop)
{
    auto found = SLIPWAY_TRY(own_.claim(1, std::move(stop)));
    if (found.empty()) {
        unsure_ = false;
        return std::optional<Taken>{};
    }
    return std::optional<Taken>{std::move(found.front())};
}

RedisQueue::Found RedisQueue::move_now(const Routes& routes, std::stop_token stop)
{
    for (const auto& route : routes) {
        auto reply = lane_.call({"LMOVE", route, own_.key(), "LEFT", "RIGHT"}, stop);
        if (!reply) {
            unsure_ = true;
            return std::move(reply).error();
        }
        if (reply->kind == Kind::text) {
            own_.hold(reply->text);
            return std::optional<Taken>{Taken{.route = route, .element = std::move(reply->text)}};
        }
        if (is_no_move(*reply)) {
            pop_from_now_on(*reply);
            break;
        }
        if (reply->kind != Kind::nil)
            return refusal("LMOVE", *reply);
    }
    return std::optional<Taken>{};
}

RedisQueue::Found RedisQueue::wait_for_move(
    const Routes& routes, std::chrono::milliseconds wait, std::stop_token stop)
{
    std::vector<std::vector<std::string>> commands;
    for (const auto& route : routes)
        commands.push_back({"BLMOVE", route, own_.key(), "LEFT", "RIGHT", seconds(wait)});
    auto outcome = waiters_.run(commands, wait, stop);
    std::vector<Taken> came;
    for (std::size_t i = 0; i < routes.size(); ++i) {
        auto& reply = outcome.replies[i];
        if (reply.kind == Kind::text) {
            own_.hold(reply.text);
            came.push_back({.route = routes[i], .element = std::move(reply.text)});
        } else if (is_no_move(reply)) {
            pop_from_now_on(reply);
        } else if (reply.kind != Kind::nil && outcome.end) {
            outcome.end = refusal("BLMOVE", reply);
        }
    }
    unsure_ = unsure_ || outcome.unsure;
    return settle(std::move(came), outcome, stop);
}

RedisQueue::Found RedisQueue::wait_for_pop(
    const Routes& routes, std::chrono::milliseconds wait, std::stop_token stop)
{
    std::vector<std::string> command{"BLPOP"};
    command.insert(command.end(), routes.begin(), routes.end());
    const auto whole = std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds{1});
    command.push_back(std::to_string(whole.count()));
    auto outcome = waiters_.run({std::move(command)}, whole, stop);
    auto& reply = outcome.replies.front();
    std::vector<Taken> came;
    if (reply.kind == Kind::list && reply.list.size() == 2) {
        came.push_back({.route = std::move(reply.list[0].text), .element = std::move(reply.list[1].text)});
        const std::lock_guard lock{mutex_};
        popped_.insert(came.front().element);
    } else if (reply.kind != Kind::nil && outcome.end) {
        outcome.end = refusal("BLPOP", reply);
    }
    return settle(std::move(came), outcome, stop);
}

RedisQueue::Found RedisQueue::settle(
    std::vector<Taken> came, const RedisWaiters::Outcome& outcome, const std::stop_token& stop)
{
    const std::size_t kept = stop.stop_requested() ? 0 : 1;
    // The last first, so that two of one route come to lie in their order.
    for (std::size_t i = came.size(); i > kept; --i) {
        const auto given = give_back(came[i - 1], {});
        if (given)
            continue;
        logger_.warn("an element of the queue could not be given back", given.error());
        // What was popped is in no list: rather built than lost. What was moved is found there the next time.
        if (pops_ && came.size() == 1)
            return std::optional<Taken>{std::move(came.front())};
        own_.forget(came[i - 1].element);
        unsure_ = true;
    }
    if (kept == 1 && !came.empty())
        return std::optional<Taken>{std::move(came.front())};
    if (kept == 0)
        return Error{Errc::cancelled, "stopped while waiting for Redis"};
    if (!outcome.end)
        return outcome.end.error();
    return std::optional<Taken>{};
}

Result<void> RedisQueue::done(const Taken& taken, std::stop_token stop)
{
    {
        const std::lock_guard lock{mutex_};
        if (popped_.erase(taken.element) != 0)
            return {};
    }
    auto removed = own_.remove(taken.element, stop);
    // The connection may have been closed since it was last used.
    if (!removed && removed.error().code() == Errc::unreachable)
        removed = own_.remove(taken.element, stop);
    return removed;
}

Result<void> RedisQueue::return_popped(const Taken& taken, std::stop_token stop)
{
    const auto reply = SLIPWAY_TRY(lane_.call({"LPUSH", taken.route, taken.element}, std::move(stop)));
    if (reply.kind != Kind::integer)
        return refusal("LPUSH", reply);
    const std::lock_guard lock{mutex_};
    popped_.erase(taken.element);
    return {};
}

Result<void> RedisQueue::give_back(const Taken& taken, std::stop_token stop)
{
    if (taken.route.empty())
        return Error{Errc::invalid_input, "the route of this element is not known"};
    const bool popped = [&] {
        const std::lock_guard lock{mutex_};
        return popped_.contains(taken.element);
    }();
    if (popped)
        return return_popped(taken, std::move(stop));
    auto given = own_.move_back(taken.element, taken.route, stop);
    if (!given && given.error().code() == Errc::unreachable)
        given = own_.move_back(taken.element, taken.route, stop);
    return given;
}

Result<std::vector<Taken>> RedisQueue::left_over(std::stop_token stop)
{
    return own_.claim(std::numeric_limits<std::size_t>::max(), std::move(stop));
}

Result<void> RedisQueue::ping(std::stop_token stop)
{
    auto reply = lane_.call({"PING"}, stop);
    if (!reply && reply.error().code() == Errc::unreachable)
        reply = lane_.call({"PING"}, stop);
    if (!reply)
        return std::move(reply).error();
    return reply->kind == Kind::status || reply->error_code() == "NOPERM" ? Result<void>{}
                                                                          : refusal("PING", *reply);
}

} // namespace slipway::vela
