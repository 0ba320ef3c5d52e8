#pragma once

#include "common/c_ptr.h"
#include "common/result.h"

#include <hiredis/read.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// What Redis answered (RESP2).
struct RedisReply {
    enum class Kind : std::uint8_t { nil, status, error, integer, text, list };

    Kind kind = Kind::nil;
    std::string text; ///< Of a status, an error and a text.
    long long integer = 0;
    std::vector<RedisReply> list;

    /// An error's first word, "NOPERM"; empty for other replies.
    [[nodiscard]] std::string_view error_code() const noexcept;
};

/// Of one reply: 16 MiB of element and what is around it.
inline constexpr std::size_t kMaxRedisReply = (16U << 20U) + (64U << 10U);
/// Of the lists in one reply.
inline constexpr int kMaxRedisList = 1024;

/// Puts replies together from bytes, by hiredis' reader. One thread.
class RedisReader {
public:
    RedisReader();

    /// Fails with `exhausted` when a reply is over the limit; the connection is of no use then.
    [[nodiscard]] Result<void> feed(std::string_view bytes);
    /// The next whole reply, if it is here. `unreachable` on bytes that are no Redis'.
    [[nodiscard]] Result<std::optional<RedisReply>> next();

private:
    CPtr<redisReader, &redisReaderFree> reader_;
    std::size_t pending_ = 0; ///< Bytes since the last whole reply.
};

} // namespace slipway::vela
