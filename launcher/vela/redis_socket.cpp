#include "launcher/vela/redis_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

namespace slipway::vela {

namespace {

using Addresses = CPtr<addrinfo, &freeaddrinfo>;
using Context = CPtr<SSL_CTX, &SSL_CTX_free>;

Error broken(std::string_view why) { return {Errc::unreachable, "Redis: " + std::string{why}}; }

std::string openssl_reason()
{
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    std::string text = reason == nullptr ? "connection closed" : reason;
    ERR_clear_error();
    return text;
}

/// OpenSSL writes with write(2): a peer that has gone must not end the process.
class WithoutSigpipe {
public:
    WithoutSigpipe()
    {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }

    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

    ~WithoutSigpipe()
    {
        if (sigismember(&before_, SIGPIPE) == 1)
            return;
        const timespec none{};
        ::sigtimedwait(&pipe_, nullptr, &none);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
};

struct Lookup {
    std::string name;
    std::string port;
    int error = 0;
    addrinfo* found = nullptr;
    UniqueFd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    Lookup(std::string host, std::string service)
        : name{std::move(host)}
        , port{std::move(service)}
    {
    }

    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    ~Lookup()
    {
        if (found != nullptr)
            ::freeaddrinfo(found);
    }

    void run(int flags)
    {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = flags;
        error = ::getaddrinfo(name.c_str(), port.c_str(), &hints, &found);
    }
};

/// A lookup cannot be ended: it runs aside and is left there when a stop comes first.
Result<Addresses> resolve(const RedisHost& host, const RedisWait& wait)
{
    auto lookup = std::make_shared<Lookup>(host.name, std::to_string(host.port));
    lookup->run(AI_NUMERICHOST | AI_NUMERICSERV);
    if (lookup->error != 0) {
        std::thread{[lookup] {
            lookup->run(AI_NUMERICSERV);
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto written = ::write(lookup->done.get(), &one, sizeof one);
        }}.detach();
        SLIPWAY_TRY(wait.poll(lookup->done.get(), POLLIN));
        std::uint64_t one = 0;
        [[maybe_unused]] const auto got = ::read(lookup->done.get(), &one, sizeof one);
    }
    if (lookup->error != 0)
        return Error{Errc::unreachable, "the name " + host.name + ": " + ::gai_strerror(lookup->error)};
    return Addresses{std::exchange(lookup->found, nullptr)};
}

Result<UniqueFd> connect_to(const sockaddr* address, socklen_t size, const RedisWait& wait)
{
    UniqueFd fd{::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return Error::from_errno("making a socket", errno);
    if (::connect(fd.get(), address, size) == 0)
        return fd;
    if (errno != EINPROGRESS)
        return Error{Errc::unreachable, std::generic_category().message(errno)};
    SLIPWAY_TRY(wait.poll(fd.get(), POLLOUT));
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
        return Error{Errc::unreachable, std::generic_category().message(error)};
    return fd;
}

Result<UniqueFd> connect_unix(const std::string& path, const RedisWait& wait)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error{Errc::unreachable, "the path is too long for a socket"};
    std::memcpy(address.sun_path, path.data(), path.size());
    return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, wait);
}

void keep_alive(int fd)
{
    // A wait of a minute sends nothing: a peer that is gone without a word is noticed all the same.
    const auto set
        = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Result<UniqueFd> connect_tcp(const RedisHost& host, const RedisWait& wait)
{
    const auto addresses = SLIPWAY_TRY(resolve(host, wait));
    Error last{Errc::unreachable, "it has no address"};
    for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
        auto fd = connect_to(one->ai_addr, one->ai_addrlen, wait);
        if (fd) {
            keep_alive(fd->get());
            return fd;
        }
        last = std::move(fd).error();
        if (last.code() == Errc::cancelled || last.code() == Errc::timed_out)
            break;
    }
    return last;
}

Result<SSL*> client_of(SSL_CTX* context, const RedisHost& host, int fd)
{
    CPtr<SSL, &SSL_free> ssl{SSL_new(context)};
    if (!ssl || SSL_set_fd(ssl.get(), fd) != 1)
        return Error{Errc::internal, "setting up TLS: " + openssl_reason()};
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl.get());
    // An address is verified as one and has no place in the server name indication.
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.name.c_str()) != 1) {
        ERR_clear_error();
        if (SSL_set1_host(ssl.get(), host.name.c_str()) != 1
            || SSL_set_tlsext_host_name(ssl.get(), host.name.c_str()) != 1)
            return Error{Errc::internal, "setting up TLS: " + openssl_reason()};
    }
    SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
    SSL_set_connect_state(ssl.get());
    return ssl.release();
}

} // namespace

Result<RedisSocket> RedisSocket::connect(const RedisHost& host, bool tls, const RedisWait& wait)
{
    const std::string action = "connecting to Redis at " + host.text();
    RedisSocket socket;
    socket.fd_
        = SLIPWAY_TRY(in(action, host.port == 0 ? connect_unix(host.name, wait) : connect_tcp(host, wait)));
    socket.read_events_ = POLLIN;
    if (tls)
        SLIPWAY_TRY(in(action, socket.start_tls(host, wait)));
    return socket;
}

Result<void> RedisSocket::start_tls(const RedisHost& host, const RedisWait& wait)
{
    ERR_clear_error();
    const Context context{SSL_CTX_new(TLS_client_method())};
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1
        || SSL_CTX_set_default_verify_paths(context.get()) != 1)
        return Error{Errc::internal, "setting up TLS: " + openssl_reason()};
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ssl_.reset(SLIPWAY_TRY(client_of(context.get(), host, fd_.get())));
    for (;;) {
        ERR_clear_error();
        int outcome = 0;
        {
            const WithoutSigpipe guard;
            outcome = SSL_do_handshake(ssl_.get());
        }
        if (outcome == 1)
            return {};
        const int reason = SSL_get_error(ssl_.get(), outcome);
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
            SLIPWAY_TRY(wait.poll(fd_.get(), reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT));
            continue;
        }
        if (const long verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK) {
            ERR_clear_error();
            return Error{Errc::rejected,
                std::string{"its certificate is not trusted: "} + X509_verify_cert_error_string(verdict)
                    + " (name its authority with SSL_CERT_FILE)"};
        }
        return Error{Errc::unreachable, "TLS: " + openssl_reason()};
    }
}

Result<std::optional<std::size_t>> RedisSocket::read(std::span<char> into)
{
    using Some = std::optional<std::size_t>;
    if (!ssl_) {
        const auto got = ::recv(fd_.get(), into.data(), into.size(), 0);
        if (got > 0)
            return Some{static_cast<std::size_t>(got)};
        if (got == 0)
            return broken("it closed the connection");
        if (errno == EAGAIN || errno == EINTR)
            return Some{};
        return broken(std::generic_category().message(errno));
    }
    const WithoutSigpipe guard;
    ERR_clear_error();
    std::size_t got = 0;
    const int outcome = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    if (outcome == 1)
        return Some{got};
    const int reason = SSL_get_error(ssl_.get(), outcome);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
        return broken(openssl_reason());
    read_events_ = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return Some{};
}

Result<std::size_t> RedisSocket::write_some(std::string_view bytes, short& events)
{
    events = POLLOUT;
    if (!ssl_) {
        const auto put = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put >= 0)
            return static_cast<std::size_t>(put);
        if (errno == EAGAIN || errno == EINTR)
            return std::size_t{0};
        return broken(std::generic_category().message(errno));
    }
    const WithoutSigpipe guard;
    ERR_clear_error();
    std::size_t put = 0;
    const int outcome = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put);
    if (outcome == 1)
        return put;
    const int reason = SSL_get_error(ssl_.get(), outcome);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
        return broken(openssl_reason());
    events = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return std::size_t{0};
}

Result<void> RedisSocket::write(std::string_view bytes, const RedisWait& wait)
{
    while (!bytes.empty()) {
        short events = 0;
        const auto put = SLIPWAY_TRY(write_some(bytes, events));
        bytes.remove_prefix(put);
        if (put == 0)
            SLIPWAY_TRY(wait.poll(fd_.get(), events));
    }
    return {};
}

} // namespace slipway::vela
