#include "launcher/vela/redis_reply.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <new>
#include <utility>

namespace slipway::vela {

namespace {

/// Where the reader's next object goes: its place in the list around it, or an object of its own. Null, which
/// ends the reading, where there is no such place.
RedisReply* place(const redisReadTask* task) noexcept
{
    if (task->parent == nullptr)
        return new (std::nothrow) RedisReply;
    auto& list = static_cast<RedisReply*>(task->parent->obj)->list;
    const auto at = static_cast<std::size_t>(task->idx);
    return at < list.size() ? &list[at] : nullptr;
}

void drop(const redisReadTask* task, RedisReply* reply) noexcept
{
    if (task->parent == nullptr)
        delete reply;
}

void* make_text(const redisReadTask* task, char* bytes, std::size_t size) noexcept
{
    RedisReply* const reply = place(task);
    if (reply == nullptr)
        return nullptr;
    reply->kind = task->type == REDIS_REPLY_ERROR ? RedisReply::Kind::error
        : task->type == REDIS_REPLY_STATUS        ? RedisReply::Kind::status
                                                  : RedisReply::Kind::text;
    try {
        reply->text.assign(bytes, size);
    } catch (const std::bad_alloc&) {
        drop(task, reply);
        return nullptr;
    }
    return reply;
}

void* make_list(const redisReadTask* task, int size) noexcept
{
    // A header alone must not allocate what it promises.
    if (size < 0 || size > kMaxRedisList)
        return nullptr;
    RedisReply* const reply = place(task);
    if (reply == nullptr)
        return nullptr;
    reply->kind = RedisReply::Kind::list;
    try {
        reply->list.resize(static_cast<std::size_t>(size));
    } catch (const std::bad_alloc&) {
        drop(task, reply);
        return nullptr;
    }
    return reply;
}

void* make_integer(const redisReadTask* task, long long value) noexcept
{
    RedisReply* const reply = place(task);
    if (reply != nullptr) {
        reply->kind = RedisReply::Kind::integer;
        reply->integer = value;
    }
    return reply;
}

void* make_nil(const redisReadTask* task) noexcept { return place(task); }

void free_reply(void* reply) noexcept { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions kMakers{&make_text, &make_list, &make_integer, &make_nil, &free_reply};

} // namespace

std::string_view RedisReply::error_code() const noexcept
{
    if (kind != Kind::error)
        return {};
    return std::string_view{text}.substr(0, text.find(' '));
}

RedisReader::RedisReader()
    : reader_{redisReaderCreateWithFunctions(&kMakers)}
{
    if (!reader_)
        throw std::bad_alloc{};
}

Result<void> RedisReader::feed(std::string_view bytes)
{
    pending_ += bytes.size();
    if (pending_ > kMaxRedisReply)
        return Error{Errc::exhausted, "an answer of Redis is over 16 MiB"};
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
        return Error{Errc::unreachable, "Redis sent what is no answer"};
    return {};
}

Result<std::optional<RedisReply>> RedisReader::next()
{
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
        return Error{Errc::unreachable, "Redis sent what is no answer"};
    if (reply == nullptr)
        return std::optional<RedisReply>{};
    const std::unique_ptr<RedisReply> whole{static_cast<RedisReply*>(reply)};
    pending_ = reader_->len - reader_->pos;
    return std::optional<RedisReply>{std::move(*whole)};
}

} // namespace slipway::vela
