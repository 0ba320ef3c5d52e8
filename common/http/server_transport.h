#pragma once

#include "common/c_ptr.h"
#include "common/http/http_server.h"
#include "common/result.h"

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace slipway::http {

/// What a step on a non-blocking connection came to.
struct IoStep {
    enum class State {
        done, ///< `bytes` went through; for a handshake or a shutdown: it is complete.
        want_read, ///< Nothing moved; try again when the socket is readable.
        want_write, ///< Nothing moved; try again when the socket is writable.
        closed, ///< The peer has closed or the connection is broken.
    };

    State state = State::closed;
    std::size_t bytes = 0;
};

/// Bytes to and from a non-blocking socket, plain or through TLS. Does not own the socket. Used by one thread
/// at a time, which has SIGPIPE blocked.
class Transport {
public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    [[nodiscard]] virtual IoStep handshake() = 0;
    [[nodiscard]] virtual IoStep read(char* into, std::size_t size) = 0;
    [[nodiscard]] virtual IoStep write(const char* from, std::size_t size) = 0;
    /// Tells the peer, as far as that is possible without waiting, that nothing more comes.
    virtual void shut_down() = 0;
    /// DER; nothing without a verified certificate. Valid after the handshake.
    [[nodiscard]] virtual std::optional<std::string> peer_certificate() const = 0;
    /// Why the last step was `closed`, for the log.
    [[nodiscard]] virtual std::string trouble() const = 0;
};

[[nodiscard]] std::unique_ptr<Transport> plain_transport(int socket);

/// The certificates and rules of one TLS listener. Thread-safe once made.
class TlsServerContext {
public:
    static Result<TlsServerContext> create(const ServerTls& tls);

    /// The server's side of a new connection.
    [[nodiscard]] Result<std::unique_ptr<Transport>> accept(int socket) const;

private:
    using Context = CPtr<SSL_CTX, &SSL_CTX_free>;

    explicit TlsServerContext(Context context)
        : context_{std::move(context)}
    {
    }

    Context context_;
};

} // namespace slipway::http
