#include "common/http/upgraded_stream.h"

#include "common/http/curl_setup.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slipway::http {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// The longest wait without a look at the stop.
constexpr milliseconds kLook{50};

} // namespace

struct UpgradedStream::Impl {
    ClientOptions options; ///< Its bytes are libcurl's as long as the handle lives.
    std::array<char, CURL_ERROR_SIZE> error_text{};
    EasyHandle easy;
    std::string early; ///< Came with the answer's head.
    int status = 0;
    int socket = -1;

    [[nodiscard]] Error error_of(CURLcode code) const
    {
        const std::string_view text
            = error_text.front() != '\0' ? error_text.data() : curl_easy_strerror(code);
        return Error{code_of(code, text), std::string{text}};
    }

    Result<void> connect(milliseconds timeout);
    Result<void> wait(short events, Steady::time_point until, const std::stop_token& stop) const;
    Result<void> send_all(std::string_view bytes, Steady::time_point until, const std::stop_token& stop);
    Result<UpgradeHead> read_head(Steady::time_point until, const std::stop_token& stop);
};

Result<void> UpgradedStream::Impl::connect(milliseconds timeout)
{
    SLIPWAY_TRY(start_curl());
    easy.reset(curl_easy_init());
    if (!easy)
        return Error{Errc::exhausted, "starting libcurl: out of memory"};
    OptionSetter set{easy.get()};
    set(CURLOPT_URL, options.base_url.c_str());
    set(CURLOPT_CONNECT_ONLY, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, options.tls ? "http,https" : "http");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(timeout, options.connect_timeout).count()));
    set(CURLOPT_ERRORBUFFER, error_text.data());
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_PROXY, "");
    if (!options.unix_socket.empty())
        set(CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
    if (options.tls)
        set_tls(set, *options.tls);
    SLIPWAY_TRY(set.result());
    if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK)
        return error_of(code);
    curl_socket_t active = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy.get(), CURLINFO_ACTIVESOCKET, &active);
    if (active == CURL_SOCKET_BAD)
        return Error{Errc::unreachable, "the connection was closed"};
    socket = active;
    return {};
}

Result<void> UpgradedStream::Impl::wait(
    short events, Steady::time_point until, const std::stop_token& stop) const
{
    if (stop.stop_requested())
        return Error{Errc::cancelled, "stopped"};
    if (Steady::now() >= until)
        return Error{Errc::timed_out, "no answer to the request for an upgrade"};
    pollfd ready{socket, events, 0};
    (void)::poll(&ready, 1, static_cast<int>(kLook.count()));
    return {};
}

Result<void> UpgradedStream::Impl::send_all(
    std::string_view bytes, Steady::time_point until, const std::stop_token& stop)
{
    while (!bytes.empty()) {
        std::size_t count = 0;
        const CURLcode code = curl_easy_send(easy.get(), bytes.data(), bytes.size(), &count);
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return error_of(code);
        bytes.remove_prefix(count);
        if (code == CURLE_AGAIN)
            SLIPWAY_TRY(wait(POLLOUT, until, stop));
    }
    return {};
}

Result<UpgradeHead> UpgradedStream::Impl::read_head(Steady::time_point until, const std::stop_token& stop)
{
    std::array<char, 4096> bytes{};
    for (;;) {
        std::size_t count = 0;
        const CURLcode code = curl_easy_recv(easy.get(), bytes.data(), bytes.size(), &count);
        if (code == CURLE_AGAIN) {
            SLIPWAY_TRY(wait(POLLIN, until, stop));
            continue;
        }
        if (code != CURLE_OK)
            return error_of(code);
        if (count == 0)
            return Error{Errc::unreachable, "the connection was closed within the answer"};
        early.append(bytes.data(), count);
        if (const auto head = SLIPWAY_TRY(parse_upgrade_head(early)))
            return *head;
    }
}

UpgradedStream::UpgradedStream(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

UpgradedStream::UpgradedStream(UpgradedStream&&) noexcept = default;
UpgradedStream& UpgradedStream::operator=(UpgradedStream&&) noexcept = default;
UpgradedStream::~UpgradedStream() = default;

Result<UpgradedStream> UpgradedStream::open(const ClientOptions& options, const std::string& path,
    std::string_view protocol, milliseconds timeout, std::stop_token stop)
{
    const auto until = Steady::now() + timeout;
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    SLIPWAY_TRY(impl->connect(timeout));
    std::string_view host = options.base_url;
    host.remove_prefix(std::min(host.size(), host.find("://") + 3));
    const std::string request = "POST " + path + " HTTP/1.1\r\nHost: " + std::string{host}
        + "\r\nUser-Agent: " + options.user_agent
        + "\r\nConnection: Upgrade\r\nUpgrade: " + std::string{protocol} + "\r\nContent-Length: 0\r\n\r\n";
    SLIPWAY_TRY(impl->send_all(request, until, stop));
    const auto head = SLIPWAY_TRY(impl->read_head(until, stop));
    impl->status = head.status;
    impl->early.erase(0, head.size);
    return UpgradedStream{std::move(impl)};
}

int UpgradedStream::status() const noexcept { return impl_->status; }

std::string_view UpgradedStream::early() const noexcept { return impl_->early; }

int UpgradedStream::fd() const noexcept { return impl_->socket; }

Result<std::optional<std::size_t>> UpgradedStream::read(std::span<char> into)
{
    if (!impl_->early.empty()) {
        const auto count = std::min(into.size(), impl_->early.size());
        std::copy_n(impl_->early.begin(), count, into.begin());
        impl_->early.erase(0, count);
        return std::optional{count};
    }
    std::size_t count = 0;
    const CURLcode code = curl_easy_recv(impl_->easy.get(), into.data(), into.size(), &count);
    if (code == CURLE_AGAIN)
        return std::optional<std::size_t>{};
    if (code != CURLE_OK)
        return impl_->error_of(code);
    return std::optional{count};
}

Result<std::size_t> UpgradedStream::write(std::string_view bytes)
{
    std::size_t count = 0;
    if (bytes.empty())
        return count; // OpenSSL takes it for a failure
    const CURLcode code = curl_easy_send(impl_->easy.get(), bytes.data(), bytes.size(), &count);
    if (code != CURLE_OK && code != CURLE_AGAIN)
        return impl_->error_of(code);
    return count;
}

} // namespace slipway::http
