#pragma once

#include "common/http/router.h"
#include "common/http/server_topics.h"
#include "common/log.h"
#include "common/result.h"
#include "common/secret.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::http {

enum class TlsVersion : std::uint8_t { v1_0, v1_1, v1_2, v1_3 };

/// Sessions are never resumed, so that each connection proves its certificate itself.
struct ServerTls {
    /// PEM: the server's certificate, then intermediates.
    std::string certificate_chain;
    /// PEM, without a passphrase.
    Secret private_key;
    /// PEM: who may have signed client certificates. If not empty a certificate is asked for; a peer may show
    /// none, but one that does not verify ends the handshake.
    std::string client_ca;
    /// Older ones are refused. Below 1.2 the ciphers and digests that those need are let in as well.
    TlsVersion minimum = TlsVersion::v1_2;
};

struct ServerLimits {
    /// Request line and headers together.
    std::uint32_t header_bytes = 16 * 1024;
    std::size_t header_count = 100;
    /// For routes that do not say otherwise.
    std::uint64_t body_bytes = 1024 * 1024;
    /// Bodies that are in memory, of all requests together; beyond it a request is answered with 503.
    std::size_t buffered_bytes = 256 * 1024 * 1024;
    /// More are closed at once. The process needs as many file descriptors and some.
    std::size_t connections = 10'000;
};

/// When a connection is given up. A request whose body stops coming is answered with 408 if that is possible.
struct ServerDeadlines {
    std::chrono::milliseconds handshake{10'000};
    /// From the first byte of a request (of the first one: from the connection) to the end of its headers.
    std::chrono::milliseconds header{10'000};
    /// Longest pause within a body; the body as a whole may take this long plus a second per
    /// `bytes_per_second`.
    std::chrono::milliseconds body_stall{30'000};
    /// What a peer must send of a body and take of a reply in the long run.
    std::uint32_t bytes_per_second = 1024;
    /// Between two requests.
    std::chrono::milliseconds idle{120'000};
    /// Longest time in which the peer takes no byte of a reply; a piece of a reply (the whole text, or 64 KiB
    /// of a file) may take this long plus a second per `bytes_per_second`.
    std::chrono::milliseconds write_stall{30'000};
    /// From a stop to the cut of what is still active.
    std::chrono::milliseconds stop{10'000};
};

struct ServerOptions {
    /// Numeric IPv4 or IPv6 address; "::" serves both, and IPv4 alone where the host has no IPv6.
    std::string address = "127.0.0.1";
    /// 0: any free port; see `Server::port`.
    std::uint16_t port = 0;
    std::optional<ServerTls> tls;
    ServerLimits limits;
    ServerDeadlines deadlines;
    std::size_t io_threads = 2;
    std::size_t handler_threads = 8;
    /// Has the last word on each reply but `Park`, on the server's own refusals too; may be empty. Of a
    /// request that was not understood it sees what there is. Called by the threads that move bytes: it does
    /// not wait and does not throw.
    std::function<void(const Request&, Reply&)> on_reply;
};

/// Gauges at one moment.
struct ServerStats {
    std::size_t connections = 0;
    std::size_t parked = 0;
    std::size_t buffered = 0; ///< Bytes of bodies in memory.
    std::uint64_t requests = 0; ///< Requests answered since the start, refused ones included.
};

/// An HTTP/1.1 server (RFC 9110, 9112) for facing strangers: every size and every wait has a limit. HTTP/1.0
/// is answered and closed. Thread-safe.
class Server {
public:
    /// Binds and listens; connections are served once `run` is called. `topics` outlives the server. Fails
    /// with `invalid_input` for a wrong address, certificate or key and `conflict` if the address is in use.
    static Result<std::unique_ptr<Server>> listen(
        ServerOptions options, Router router, Topics& topics, const Logger& logger);

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    /// `run` must have returned or never been called.
    ~Server();

    [[nodiscard]] std::uint16_t port() const noexcept;

    /// Serves until `stop` or `stop()`; called once. Then: no new connection, parked requests get their last
    /// call, active ones are finished, and after `ServerDeadlines::stop` all connections are cut. Returns
    /// when the last handler has returned.
    void run(std::stop_token stop);

    /// Makes `run` return, also when it is called later. Does not wait.
    void stop();

    /// Shows this identity to connections that come from now on. Fails with `invalid_input` and changes
    /// nothing for a wrong certificate or key. The server was made with one.
    Result<void> replace_tls(const ServerTls& tls);

    [[nodiscard]] ServerStats stats() const;

private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::http
