#include "test/support/raw_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace slipway::test {

namespace {

void require(bool truth, const char* what)
{
    if (!truth)
        throw std::runtime_error{what};
}

/// OpenSSL writes without MSG_NOSIGNAL.
void block_sigpipe()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::size_t content_length(std::string_view head)
{
    constexpr std::string_view name = "Content-Length:";
    std::size_t length = 0;
    if (const auto at = head.find(name); at != std::string_view::npos) {
        const std::size_t digits = head.find_first_not_of(' ', at + name.size());
        std::from_chars(head.data() + digits, head.data() + head.size(), length);
    }
    return length;
}

} // namespace

RawHttpServer::Connection::Connection(int fd, ssl_st* tls, int number, RawHttpServer& server)
    : fd_{fd}
    , tls_{tls}
    , number_{number}
    , server_{server}
{
}

long RawHttpServer::Connection::read_some(char* buffer, std::size_t size)
{
    return tls_ != nullptr ? SSL_read(tls_, buffer, static_cast<int>(size)) : ::recv(fd_, buffer, size, 0);
}

bool RawHttpServer::Connection::fill_until(std::string_view end, std::size_t from)
{
    std::array<char, 16 * 1024> piece{};
    while (buffer_.find(end, from) == std::string::npos) {
        const long count = read_some(piece.data(), piece.size());
        if (count <= 0)
            return false;
        buffer_.append(piece.data(), static_cast<std::size_t>(count));
    }
    return true;
}

std::optional<std::string> RawHttpServer::Connection::read_request()
{
    if (!fill_until("\r\n\r\n", 0))
        return {};
    std::size_t size = buffer_.find("\r\n\r\n") + 4;
    const std::string_view head = std::string_view{buffer_}.substr(0, size);
    if (head.find("Transfer-Encoding: chunked") != std::string_view::npos) {
        if (!fill_until("0\r\n\r\n", size))
            return {};
        size = buffer_.find("0\r\n\r\n", size) + 5;
    } else {
        size += content_length(head);
        std::array<char, 64 * 1024> piece{};
        while (buffer_.size() < size) {
            const long count = read_some(piece.data(), piece.size());
            if (count <= 0)
                return {};
            buffer_.append(piece.data(), static_cast<std::size_t>(count));
        }
    }
    std::string request = buffer_.substr(0, size);
    buffer_.erase(0, size);
    const std::lock_guard lock{server_.mutex_};
    return server_.requests_.emplace_back(std::move(request));
}

std::string RawHttpServer::Connection::read_once()
{
    std::string piece(64UL * 1024, '\0');
    piece.resize(static_cast<std::size_t>(std::max(read_some(piece.data(), piece.size()), 0L)));
    return piece;
}

bool RawHttpServer::Connection::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const long count = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                           : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

void RawHttpServer::Connection::wait_for_close()
{
    std::array<char, 4096> dropped{};
    while (read_some(dropped.data(), dropped.size()) > 0) { }
}

std::string RawHttpServer::Connection::peer_name() const
{
    X509* const certificate = tls_ != nullptr ? SSL_get0_peer_certificate(tls_) : nullptr;
    if (certificate == nullptr)
        return {};
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(
        X509_get_subject_name(certificate), NID_commonName, name.data(), static_cast<int>(name.size()));
    return name.data();
}

RawHttpServer::RawHttpServer(Script script)
    : script_{std::move(script)}
{
    listen_on_loopback();
    acceptor_ = std::jthread{[this] { accept_until_stopped(); }};
}

RawHttpServer::RawHttpServer(const std::filesystem::path& unix_socket, Script script)
    : script_{std::move(script)}
{
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    require(unix_socket.native().size() < sizeof address.sun_path, "socket path too long");
    unix_socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
    require(
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
    require(::listen(listener_.get(), 16) == 0, "listen");
    acceptor_ = std::jthread{[this] { accept_until_stopped(); }};
}

RawHttpServer::RawHttpServer(const Tls& tls, Script script)
    : script_{std::move(script)}
    , tls_{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free}
{
    // As the product's server: with client certificates and no session id context, a ticket of the first
    // connection would end the second one with an alert.
    SSL_CTX_set_options(tls_.get(), SSL_OP_NO_TICKET);
    require(SSL_CTX_set_num_tickets(tls_.get(), 0) == 1, "tickets");
    SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_OFF);
    require(SSL_CTX_use_certificate_chain_file(tls_.get(), tls.certificate.c_str()) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey_file(tls_.get(), tls.key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
    if (!tls.client_ca.empty()) {
        require(SSL_CTX_load_verify_locations(tls_.get(), tls.client_ca.c_str(), nullptr) == 1, "client CA");
        SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    listen_on_loopback();
    acceptor_ = std::jthread{[this] { accept_until_stopped(); }};
}

RawHttpServer::~RawHttpServer()
{
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    const std::lock_guard lock{mutex_};
    for (const UniqueFd& socket : sockets_)
        ::shutdown(socket.get(), SHUT_RDWR);
}

void RawHttpServer::listen_on_loopback()
{
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
    require(::listen(listener_.get(), 16) == 0, "listen");
    socklen_t size = sizeof address;
    require(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ntohs(address.sin_port);
}

void RawHttpServer::accept_until_stopped()
{
    for (;;) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        {
            const std::lock_guard lock{mutex_};
            sockets_.emplace_back(fd);
        }
        const int number = accepted_++;
        workers_.emplace_back([this, fd, number] { serve(fd, number); });
    }
}

void RawHttpServer::serve(int fd, int number)
{
    block_sigpipe();
    if (tls_ == nullptr) {
        Connection connection{fd, nullptr, number, *this};
        script_(connection);
    } else {
        const std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls{SSL_new(tls_.get()), &SSL_free};
        SSL_set_fd(tls.get(), fd);
        if (SSL_accept(tls.get()) == 1) {
            Connection connection{fd, tls.get(), number, *this};
            script_(connection);
            SSL_shutdown(tls.get());
        }
    }
    ::shutdown(fd, SHUT_RDWR);
}

std::string RawHttpServer::url() const
{
    return (tls_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_);
}

std::vector<std::string> RawHttpServer::requests() const
{
    const std::lock_guard lock{mutex_};
    return requests_;
}

std::string http_response(int status, std::string_view body, std::string_view headers)
{
    return "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Length: " + std::to_string(body.size())
        + "\r\n" + std::string{headers} + "\r\n" + std::string{body};
}

} // namespace slipway::test
