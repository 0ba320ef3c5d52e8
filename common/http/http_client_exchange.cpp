#include "common/http/http_client_exchange.h"

#include "common/ascii.h"
#include "common/http/url.h"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace slipway::http {

namespace {

/// Bodies that explain an error are kept up to this size even where the response itself may be larger.
constexpr std::uint64_t kMaxErrorBody = 1024 * 1024;

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) noexcept
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    });
}

std::optional<std::uint64_t> length_of(const ClientRequest& request)
{
    if (const auto* text = std::get_if<std::string>(&request.body))
        return text->size();
    if (const auto* file = std::get_if<ClientRequest::File>(&request.body))
        return file->length;
    if (const auto* reader = std::get_if<ClientRequest::Reader>(&request.body))
        return reader->length;
    return 0;
}

Result<std::size_t> read_file_part(
    const ClientRequest::File& file, std::uint64_t offset, std::span<char> buffer)
{
    for (;;) {
        const ssize_t count
            = ::pread(file.fd, buffer.data(), buffer.size(), static_cast<off_t>(file.offset + offset));
        if (count >= 0)
            return static_cast<std::size_t>(count);
        if (errno != EINTR)
            return Error::from_errno("reading the file to send", errno);
    }
}

} // namespace

std::optional<std::string_view> ClientResponse::header(std::string_view name) const
{
    for (const auto& [key, value] : headers) {
        if (equal_ignoring_case(key, name))
            return value;
    }
    return {};
}

Result<void> check(const ClientOptions& options)
{
    const Url base = SLIPWAY_TRY(in("base URL", parse_url(options.base_url)));
    if (base.path != "/" || !base.query.empty())
        return Error{Errc::invalid_input, "the base URL must not have a path"};
    if (options.unix_socket.size() >= sizeof(sockaddr_un::sun_path))
        return Error{Errc::invalid_input, "the path of the Unix socket is too long: " + options.unix_socket};
    if (options.tls && options.tls->client_certificate_pem.empty() != options.tls->client_key.empty())
        return Error{Errc::invalid_input, "a client certificate and its key must be given together"};
    return {};
}

Result<void> check(const ClientRequest& request)
{
    if (request.timeout.count() <= 0)
        return Error{Errc::invalid_input, "a request needs a timeout"};
    if (!is_token(request.method))
        return Error{Errc::invalid_input, "the method is no token"};
    for (const auto& [name, value] : request.headers) {
        if (!is_token(name))
            return Error{Errc::invalid_input, "a request header has a name that is no token"};
        if (value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
            return Error{Errc::invalid_input, "the value of header " + name + " has a line break or NUL"};
    }
    return {};
}

Exchange::Exchange(const ClientRequest& request, std::size_t max_header_bytes)
    : request_{request}
    , max_header_bytes_{max_header_bytes}
    , body_length_{length_of(request)}
{
}

bool Exchange::begin_request()
{
    moved();
    // The second time, a kept connection turned out to be closed, and nobody knows whether the server acted.
    const bool repeatable = request_.method != "POST" && request_.method != "PATCH";
    if (++begun_ > 1 && !repeatable)
        return fail({Errc::unreachable, "the server closed the connection before it answered"});
    return true;
}

bool Exchange::take_header(std::string_view line)
{
    moved();
    header_bytes_ += line.size();
    if (header_bytes_ > max_header_bytes_)
        return fail({Errc::exhausted,
            "the response's headers are over the limit of " + std::to_string(max_header_bytes_) + " bytes"});
    if (head_done_)
        return true; // a trailer
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
        line.remove_suffix(1);
    if (line.empty())
        return end_head();
    if (line.starts_with("HTTP/")) {
        response_.headers.clear(); // those of an interim response
        line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
        response_.status = 0;
        std::from_chars(line.data(), line.data() + line.size(), response_.status);
        return true;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
        return true;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value.remove_suffix(value.size() - (value.find_last_not_of(" \t") + 1));
    response_.headers.emplace_back(line.substr(0, colon), value);
    return true;
}

bool Exchange::end_head()
{
    if (response_.status < 200)
        return true;
    head_done_ = true;
    if (!request_.on_headers)
        return true;
    auto taken = request_.on_headers(response_);
    return taken ? true : fail(std::move(taken).error());
}

bool Exchange::take_body(std::string_view bytes)
{
    moved();
    const std::uint64_t cap
        = response_.ok() ? request_.max_response_bytes : std::min(request_.max_response_bytes, kMaxErrorBody);
    received_ += bytes.size();
    if (received_ > cap)
        return fail(
            {Errc::exhausted, "the response's body is over the limit of " + std::to_string(cap) + " bytes"});
    if (!response_.ok() || !request_.on_data) {
        response_.body += bytes;
        return true;
    }
    auto taken = request_.on_data(bytes);
    return taken ? true : fail(std::move(taken).error());
}

std::optional<std::size_t> Exchange::give_body(std::span<char> buffer)
{
    moved();
    if (body_length_)
        buffer = buffer.first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), *body_length_ - body_offset_)));
    if (buffer.empty())
        return 0;
    auto count = read_body(buffer);
    if (count && *count == 0 && body_length_)
        count = Error{Errc::invalid_input, "the request's body is shorter than announced"};
    if (!count) {
        fail(std::move(count).error());
        return {};
    }
    body_offset_ += *count;
    return *count;
}

Result<std::size_t> Exchange::read_body(std::span<char> buffer) const
{
    if (const auto* text = std::get_if<std::string>(&request_.body))
        return text->copy(buffer.data(), buffer.size(), static_cast<std::size_t>(body_offset_));
    if (const auto* file = std::get_if<ClientRequest::File>(&request_.body))
        return read_file_part(*file, body_offset_, buffer);
    if (const auto* reader = std::get_if<ClientRequest::Reader>(&request_.body))
        return reader->read(buffer);
    return std::size_t{0};
}

bool Exchange::rewind_body(std::uint64_t offset)
{
    if (std::holds_alternative<ClientRequest::Reader>(request_.body) && offset != body_offset_)
        return false;
    if (body_length_ && offset > *body_length_)
        return false;
    body_offset_ = offset;
    return true;
}

bool Exchange::fail(Error error)
{
    failure_ = std::move(error);
    return false;
}

} // namespace slipway::http
