#pragma once

#include "common/result.h"
#include "common/secret.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slipway::http {

/// Whom a client trusts and who it is. TLS 1.2 or newer; the server's certificate and host name are always
/// verified.
struct TlsOptions {
    /// PEM certificates: these are trusted and no others. Empty: the system's trust store, which costs
    /// about 20 ms on the first connection.
    std::string ca_pem;
    /// PEM certificate (chain) shown to servers that ask for one; empty: none. Comes with `client_key`.
    std::string client_certificate_pem;
    /// PEM private key. Stays in this memory: never written to a file.
    Secret client_key;
};

struct ClientOptions {
    /// What a request's path is appended to, e.g. "https://host:8443". Without a path of its own.
    std::string base_url;
    /// None: https is refused.
    std::optional<TlsOptions> tls;
    /// Path of a Unix socket that every request goes to; the host of the URL is then a name only. Empty: TCP,
    /// through the proxy that the environment names (https_proxy, no_proxy), if any.
    std::string unix_socket;
    /// Through no proxy, whatever the environment names.
    bool direct = false;
    std::string user_agent = "slipway";
    /// For name lookup, connect and TLS handshake together.
    std::chrono::milliseconds connect_timeout{10'000};
    /// Cap on all header bytes of one response, interim responses and trailers included.
    std::size_t max_header_bytes = 64 * 1024;
};

struct ClientResponse {
    int status = 0;
    /// In the order received, names as received.
    std::vector<std::pair<std::string, std::string>> headers;
    /// Empty where `ClientRequest::on_data` took it.
    std::string body;

    /// The first header of that name, whatever its case (RFC 9110 section 5.1).
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;

    [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// One HTTP request. The callbacks run on the thread that called `send`; while one runs, neither the deadline
/// nor a stop is looked at.
struct ClientRequest {
    /// Bytes of an open file, read with pread(2): the file's position does not move. The caller keeps `fd`
    /// open.
    struct File {
        int fd = -1;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };

    /// A body that is made while it is sent; sent chunked when its length is not known. `read` fills the
    /// front of the span and says how much; 0 is the end.
    struct Reader {
        std::function<Result<std::size_t>(std::span<char>)> read;
        std::optional<std::uint64_t> length;
    };

    /// None, in memory, of a file, or made.
    using Body = std::variant<std::monostate, std::string, File, Reader>;

    std::string method = "GET";
    /// A path with query, appended to `ClientOptions::base_url`, or a whole http(s) URL. Percent-encoded
    /// already.
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    Body body;

    /// For the whole exchange; must be set.
    std::chrono::milliseconds timeout{0};
    /// Gives up after this long without a byte in either direction, connecting included; zero: no such limit.
    std::chrono::milliseconds stall_timeout{0};
    /// Cap on the response's body, streamed or not.
    std::uint64_t max_response_bytes = 8 * 1024 * 1024;

    /// Called once when the head of the final response is there, before any of the body. A failure ends the
    /// exchange.
    std::function<Result<void>(const ClientResponse&)> on_headers;
    /// Takes the body of a 2xx response piece by piece; other bodies are explanations and go to `body`. A
    /// failure ends the exchange.
    std::function<Result<void>(std::string_view)> on_data;
};

/// An HTTP/1.1 client. Keeps connections open between requests. Follows no redirects. One thread at a time;
/// make one object for each thread, and one for each stream that is open at the same time as other requests.
class HttpClient {
public:
    static Result<HttpClient> create(ClientOptions options);

    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;
    ~HttpClient();

    /// Sends a request and waits for the whole response. A response of any status is a success. Fails with
    /// - `unreachable`: no connection, or it broke before the response was whole. With a Unix socket,
    /// `not_found` when
    ///   the socket does not exist and `rejected` when its permissions say no;
    /// - `timed_out`: `timeout` or `stall_timeout` passed;
    /// - `cancelled`: a stop was requested;
    /// - `rejected`: one side refused the other's certificate, with the TLS library's reason;
    /// - `exhausted`: the response is over a cap;
    /// - `invalid_input`: the request or the TLS options cannot be used;
    /// - whatever a callback failed with.
    /// After a failure the connection is dropped and the object can be used again. A POST or PATCH is never
    /// sent twice; other methods are repeated once on a new connection when the kept one turns out to be
    /// closed (RFC 9110 section 9.2.2).
    Result<ClientResponse> send(const ClientRequest& request, std::stop_token stop);

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::http
