#pragma once

#include "common/result.h"
#include "common/secret.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

struct RedisHost {
    std::string name; ///< A name, an address without brackets, or the path of a Unix socket ('/' first).
    std::uint16_t port = 0; ///< 0: `name` is a path.

    /// For messages: "name:port", "[::1]:6379", or the path.
    [[nodiscard]] std::string text() const;
};

/// Where a Redis is and who one is there.
struct RedisAddress {
    std::vector<RedisHost> hosts; ///< One Redis, or the Sentinels that know it.
    std::string master; ///< Its name among the Sentinels; empty: `hosts` is the Redis.
    bool tls = false; ///< To the Sentinels too.
    std::string user; ///< Empty: the default one.
    Secret password; ///< Empty: no login.
    int database = 0;
    std::chrono::milliseconds dial_timeout{5000};
};

/// Reads redis://[user[:password]@]host[:port][/database], rediss:// and unix://[user[:password]@]/path, with
/// the options that go-redis takes behind '?': `db` and `dial_timeout` are honoured, those about its pool and
/// its repeats mean nothing here, `skip_verify` and unknown ones are refused by name. `sentinel`: the host
/// part is "master,sentinel:port,…", in brackets or not. Fails with `invalid_input`; the message holds no
/// part of the user or the password.
[[nodiscard]] Result<RedisAddress> parse_redis_address(std::string_view text, bool sentinel);

} // namespace slipway::vela
