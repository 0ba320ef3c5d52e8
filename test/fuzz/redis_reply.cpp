// Replies are the same however their bytes are cut, and no list is longer than it may be.
#include "launcher/vela/redis_reply.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using slipway::vela::RedisReply;

void write(const RedisReply& reply, std::string& out)
{
    if (reply.list.size() > slipway::vela::kMaxRedisList)
        std::abort();
    out += std::to_string(static_cast<int>(reply.kind)) + ':' + std::to_string(reply.integer) + ':'
        + reply.text + '(';
    for (const auto& one : reply.list)
        write(one, out);
    out += ')';
}

std::string read(std::string_view bytes, std::size_t piece)
{
    slipway::vela::RedisReader reader;
    std::string out;
    while (!bytes.empty()) {
        const auto size = std::min(piece, bytes.size());
        if (!reader.feed(bytes.substr(0, size)))
            return out + "end";
        bytes.remove_prefix(size);
        for (;;) {
            const auto reply = reader.next();
            if (!reply)
                return out + "end";
            if (!*reply)
                break;
            write(**reply, out);
        }
    }
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    if (read(bytes, size + 1) != read(bytes, 1))
        std::abort();
    return 0;
}
