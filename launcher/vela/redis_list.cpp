#include "launcher/vela/redis_list.h"

namespace slipway::vela {

namespace {

using Kind = RedisReply::Kind;

/// The element is in the list, watched, or is not: then the reply is nil.
Result<RedisReply> watch_and_find(
    RedisConnection& connection, const std::string& key, const std::string& element, const RedisWait& wait)
{
    const auto watched = SLIPWAY_TRY(connection.call({"WATCH", key}, wait));
    if (watched.kind != Kind::status)
        return refusal("WATCH", watched);
    auto found = SLIPWAY_TRY(connection.call({"LPOS", key, element}, wait));
    if (found.kind != Kind::integer && found.kind != Kind::nil)
        return refusal("LPOS", found);
    if (found.kind == Kind::nil)
        SLIPWAY_TRY(connection.call({"UNWATCH"}, wait));
    return found;
}

Result<RedisReply> exchange(
    RedisConnection& connection, const std::vector<std::vector<std::string_view>>& all, const RedisWait& wait)
{
    RedisReply last;
    for (const auto& words : all) {
        last = SLIPWAY_TRY(connection.call(words, wait));
        if (last.kind == Kind::error) // The connection is closed with it, and nothing was done.
            return refusal(words.front(), last);
    }
    return last;
}

} // namespace

void RedisList::hold(const std::string& element)
{
    const std::lock_guard lock{mutex_};
    held_.insert(element);
}

bool RedisList::is_held(const std::string& element)
{
    const std::lock_guard lock{mutex_};
    return held_.contains(element);
}

void RedisList::forget(const std::string& element)
{
    const std::lock_guard lock{mutex_};
    held_.erase(element);
}

Result<std::vector<Taken>> RedisList::claim(std::size_t most, std::stop_token stop)
{
    std::vector<Taken> found;
    // One at a time: an answer with all of them may be over the limit. Others take from the list meanwhile,
    // so that an index may skip one; it is found the next time.
    for (std::size_t i = 0; found.size() < most; ++i) {
        auto reply = lane_.call({"LINDEX", key_, std::to_string(i)}, stop);
        if (!reply && reply.error().code() == Errc::exhausted) {
            bury(i, stop);
            continue;
        }
        if (!reply)
            return std::move(reply).error();
        // Whom Redis does not let look into the list can have left nothing in it.
        if (reply->kind == Kind::nil || reply->error_code() == "NOPERM")
            break;
        if (reply->kind != Kind::text)
            return refusal("LINDEX", *reply);
        if (!is_held(reply->text))
            found.push_back({.route = {}, .element = std::move(reply->text)});
    }
    for (const auto& taken : found)
        hold(taken.element);
    return found;
}

/// No element of a server is that long, and none that is can be read: it must not stay at the head of the
/// list, where it would be found at every start.
void RedisList::bury(std::size_t index, std::stop_token stop)
{
    const std::string mark = "slipway: over 16 MiB";
    const auto set = lane_.call({"LSET", key_, std::to_string(index), mark}, stop);
    const auto removed = set && set->kind == Kind::status ? lane_.call({"LREM", key_, "0", mark}, stop) : set;
    if (removed && removed->kind == Kind::integer)
        logger_.error("dropped an element of the queue that is over 16 MiB", {{"list", key_}});
}

Result<void> RedisList::remove(const std::string& element, std::stop_token stop)
{
    const auto reply = SLIPWAY_TRY(lane_.call({"LREM", key_, "1", element}, std::move(stop)));
    if (reply.kind != Kind::integer)
        return refusal("LREM", reply);
    forget(element);
    return {};
}

Result<void> RedisList::move_back(const std::string& element, const std::string& route, std::stop_token stop)
{
    const auto once = [&](RedisConnection& connection, const RedisWait& wait) -> Result<RedisReply> {
        for (;;) {
            // Watched, so that a repeat after a lost answer does not give it back twice.
            const auto found = SLIPWAY_TRY(watch_and_find(connection, key_, element, wait));
            if (found.kind == Kind::nil)
                return found;
            auto done = SLIPWAY_TRY(exchange(connection,
                {{"MULTI"}, {"LREM", key_, "1", element}, {"LPUSH", route, element}, {"EXEC"}}, wait));
            if (done.kind == Kind::list)
                return done;
            if (wait.stop().stop_requested() || std::chrono::steady_clock::now() >= wait.deadline())
                return Error{Errc::timed_out, "giving an element back: the list changes all the time"};
        }
    };
    SLIPWAY_TRY(in("giving an element back", lane_.use(once, std::move(stop))));
    forget(element);
    return {};
}

} // namespace slipway::vela
