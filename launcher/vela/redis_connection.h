#pragma once

#include "common/result.h"
#include "launcher/vela/redis_address.h"
#include "launcher/vela/redis_reply.h"
#include "launcher/vela/redis_socket.h"
#include "launcher/vela/redis_wait.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// Whether the server is another one from now on, is starting, or was cut off: worth another connection.
[[nodiscard]] bool is_passing(const RedisReply& reply) noexcept;

/// An error that Redis answered, as one of ours: `unreachable` when it passes, else `rejected`. What Redis
/// repeats of a command is left out.
[[nodiscard]] Error refusal(std::string_view command, const RedisReply& reply);

/// A connection to Redis: logged in, in its database. After a failure it is of no use. One thread.
class RedisConnection {
public:
    /// Asks the Sentinels first where there are some.
    static Result<std::unique_ptr<RedisConnection>> open(const RedisAddress& address, const RedisWait& wait);

    [[nodiscard]] Result<void> send(const std::vector<std::string_view>& words, const RedisWait& wait);
    /// The next reply, if it is here.
    [[nodiscard]] Result<std::optional<RedisReply>> look();
    [[nodiscard]] Result<RedisReply> receive(const RedisWait& wait);
    [[nodiscard]] Result<RedisReply> call(const std::vector<std::string_view>& words, const RedisWait& wait);

    [[nodiscard]] const RedisSocket& socket() const noexcept { return socket_; }

    /// By which CLIENT UNBLOCK knows it; empty where Redis does not tell.
    [[nodiscard]] const std::string& id() const noexcept { return id_; }

private:
    explicit RedisConnection(RedisSocket socket)
        : socket_{std::move(socket)}
    {
    }

    static Result<RedisHost> ask_sentinels(const RedisAddress& address, const RedisWait& wait);
    [[nodiscard]] Result<void> log_in(const RedisAddress& address, const RedisWait& wait);

    RedisSocket socket_;
    RedisReader reader_;
    std::string id_;
};

} // namespace slipway::vela
