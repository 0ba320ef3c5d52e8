#include "test/unit/http-server/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace slipway::test {

RawClient::RawClient(std::uint16_t port, int receive_buffer)
    : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
{
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0)
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error{"connect failed"};
}

void RawClient::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            throw std::runtime_error{"the server took nothing for 20 s"};
        if (sent < 0)
            return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

RawReply RawClient::reply(bool to_head)
{
    std::size_t end = std::string::npos;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
        if (!receive())
            return {};
    }
    RawReply reply{std::stoi(in_.substr(9, 3)), in_.substr(0, end + 2), {}};
    in_.erase(0, end + 4);
    const std::string_view name = "Content-Length: ";
    const std::size_t at = reply.head.find(name);
    const std::size_t size
        = to_head || at == std::string::npos ? 0 : std::stoul(reply.head.substr(at + name.size()));
    while (in_.size() < size) {
        if (!receive())
            return {};
    }
    reply.body = in_.substr(0, size);
    in_.erase(0, size);
    return reply;
}

std::string RawClient::rest()
{
    while (receive()) { }
    return std::move(in_);
}

void RawClient::finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

void RawClient::abort()
{
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
}

bool RawClient::receive()
{
    std::array<char, 65536> buffer{};
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        throw std::runtime_error{"the server neither answered nor closed for 20 s"};
    if (got <= 0)
        return false;
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

std::string get(std::string_view path, std::string_view more_headers)
{
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: h\r\n" + std::string{more_headers} + "\r\n";
}

std::string post(std::string_view path, std::string_view body)
{
    return "POST " + std::string{path} + " HTTP/1.1\r\nHost: h\r\nContent-Length: "
        + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

} // namespace slipway::test
