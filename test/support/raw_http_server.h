#pragma once

#include "common/unique_fd.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace slipway::test {

/// A server that sends exactly the bytes a test wants, stalls, and hangs up. Its script runs once for each
/// connection on a thread of its own; when the script returns, the connection is closed. Listens on a free
/// loopback port or a Unix socket until destroyed. Throws std::runtime_error when it cannot be set up.
class RawHttpServer {
public:
    class Connection {
    public:
        Connection(int fd, ssl_st* tls, int number, RawHttpServer& server);

        /// From 0, in the order accepted.
        [[nodiscard]] int number() const noexcept { return number_; }

        /// The next request, head and body as sent; empty when the peer closed. Also kept for `requests()`.
        std::optional<std::string> read_request();
        /// The next bytes as they came, with TLS those of one record at most; empty when the peer closed.
        std::string read_once();
        /// False when the peer is gone.
        bool send(std::string_view bytes);
        /// Waits until the peer closes or the server is destroyed; what arrives is dropped.
        void wait_for_close();
        /// Common name of the peer's certificate; empty without one.
        [[nodiscard]] std::string peer_name() const;

    private:
        [[nodiscard]] long read_some(char* buffer, std::size_t size);
        bool fill_until(std::string_view end, std::size_t from);

        int fd_;
        ssl_st* tls_;
        int number_;
        RawHttpServer& server_;
        std::string buffer_;
    };

    using Script = std::function<void(Connection&)>;

    struct Tls {
        std::string certificate; ///< PEM file.
        std::string key; ///< PEM file.
        std::string client_ca; ///< PEM file; when set, clients must have a certificate of it.
    };

    explicit RawHttpServer(Script script);
    RawHttpServer(const std::filesystem::path& unix_socket, Script script);
    RawHttpServer(const Tls& tls, Script script);
    RawHttpServer(const RawHttpServer&) = delete;
    RawHttpServer& operator=(const RawHttpServer&) = delete;
    ~RawHttpServer();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// "http://127.0.0.1:port", with TLS "https://localhost:port".
    [[nodiscard]] std::string url() const;

    /// Connections accepted so far.
    [[nodiscard]] int connections() const noexcept { return accepted_; }

    /// All requests read so far.
    [[nodiscard]] std::vector<std::string> requests() const;

private:
    void listen_on_loopback();
    void accept_until_stopped();
    void serve(int fd, int number);

    Script script_;
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> tls_{nullptr, nullptr};
    std::uint16_t port_ = 0;
    std::atomic<int> accepted_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<UniqueFd> sockets_; // all of them to the end, so that no number is used anew
    UniqueFd listener_;
    std::vector<std::jthread> workers_;
    std::jthread acceptor_;
};

/// A whole response with a Content-Length; `headers` are lines that each end in "\r\n".
[[nodiscard]] std::string http_response(int status, std::string_view body, std::string_view headers = {});

} // namespace slipway::test
