#pragma once

#include "common/c_ptr.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "launcher/vela/redis_address.h"
#include "launcher/vela/redis_wait.h"

#include <openssl/ssl.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace slipway::vela {

/// A stream to Redis over TCP, TLS or a Unix socket; non-blocking. One thread.
class RedisSocket {
public:
    /// With TLS, the host's certificate must be one for its name by an authority that this machine trusts, or
    /// that SSL_CERT_FILE names. Fails with `unreachable`, `rejected` (the certificate), `timed_out` or
    /// `cancelled`.
    static Result<RedisSocket> connect(const RedisHost& host, bool tls, const RedisWait& wait);

    /// How many bytes came; nothing: none for now. `unreachable`: it broke or ended.
    [[nodiscard]] Result<std::optional<std::size_t>> read(std::span<char> into);
    /// Waits until all is written.
    [[nodiscard]] Result<void> write(std::string_view bytes, const RedisWait& wait);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// The events of poll(2) after which `read` may give something.
    [[nodiscard]] short read_events() const noexcept { return read_events_; }

private:
    using Ssl = CPtr<SSL, &SSL_free>;

    RedisSocket() = default;
    [[nodiscard]] Result<void> start_tls(const RedisHost& host, const RedisWait& wait);
    [[nodiscard]] Result<std::size_t> write_some(std::string_view bytes, short& events);

    UniqueFd fd_;
    Ssl ssl_;
    short read_events_ = 0;
};

} // namespace slipway::vela
