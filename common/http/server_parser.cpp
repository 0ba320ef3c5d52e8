#include "common/http/server_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <limits>
#include <utility>

namespace slipway::http {

namespace {

namespace beast = boost::beast;
namespace beast_http = boost::beast::http;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

} // namespace

class RequestParser::Impl final : public beast_http::basic_parser<true> {
public:
    Impl(std::uint32_t header_bytes, std::size_t header_count)
        : header_bytes_{header_bytes}
        , header_count_{header_count}
    {
        header_limit(header_bytes);
        // The limits of the body are kept here: which apply is known only when the header is done. An unset
        // limit of Beast 1.74 refuses every body of a given length, so that it gets the largest.
        body_limit(std::numeric_limits<std::uint64_t>::max());
        eager(false);
    }

    Result<std::size_t> feed(std::string_view input)
    {
        auto used = advance(input);
        sound_ = sound_ && used.has_value();
        return used;
    }

    // Beast may be through with a message that is refused here for its framing; it must never look complete.
    bool complete() const { return sound_ && is_done(); }

    std::string method;
    std::string target;
    Fields headers;
    std::string body;
    std::uint64_t most_body = 0;
    bool http_1_0 = false;

private:
    using Text = beast::string_view;

    Result<std::size_t> advance(std::string_view input)
    {
        std::size_t used = 0;
        while (used < input.size() && !is_done()) {
            // What is left of a chunked body is never shorter than its last chunk "0 CRLF CRLF", and
            // Beast 1.74 asserts that when it is asked again about a last chunk.
            if (partial_chunk_ && input.size() - used < 5)
                return used;
            const bool in_header = !is_header_done();
            beast::error_code failure;
            const std::size_t taken = put({input.data() + used, input.size() - used}, failure);
            used += taken;
            partial_chunk_ = !in_header && failure == beast_http::error::need_more;
            if (failure == beast_http::error::need_more)
                return need_more(used, input.size() - used);
            if (failure)
                return refusal(failure);
            if (in_header && is_header_done()) {
                if (auto sound = check_header(); !sound)
                    return std::move(sound).error();
                return used;
            }
        }
        return used;
    }

    Result<std::size_t> need_more(std::size_t used, std::size_t left) const
    {
        // A chunk header or trailer is kept by the caller until it is complete.
        if (left > header_bytes_)
            return Error{Errc::exhausted, "too large a header"};
        return used;
    }

    Error refusal(const beast::error_code& failure) const
    {
        const bool large = too_large_ || failure == beast_http::error::header_limit
            || failure == beast_http::error::body_limit;
        return {large ? Errc::exhausted : Errc::invalid_input, too_large_ ? "too large" : failure.message()};
    }

    // RFC 9112 sections 3.2 and 6.1: what a proxy in front might read differently is refused.
    Result<void> check_header() const
    {
        std::size_t hosts = 0;
        for (const auto& [name, value] : headers) {
            hosts += same_header_name(name, "host") ? 1 : 0;
            if (!same_header_name(name, "transfer-encoding"))
                continue;
            if (http_1_0 || !same_header_name(value, "chunked"))
                return Error{Errc::invalid_input, "a transfer encoding that is not supported"};
        }
        if (hosts > 1 || (hosts == 0 && !http_1_0))
            return Error{Errc::invalid_input, "not exactly one Host header"};
        return {};
    }

    void on_request_impl(beast_http::verb, Text verb, Text uri, int version, beast::error_code&) override
    {
        method = view(verb);
        target = view(uri);
        http_1_0 = version == 10;
    }

    void on_response_impl(int, Text, int, beast::error_code&) override { }

    void on_field_impl(beast_http::field, Text name, Text value, beast::error_code& failure) override
    {
        if (++fields_ > header_count_)
            return stop(failure);
        if (!is_header_done())
            headers.emplace_back(
                view(name), view(value)); // A trailer is not a header: RFC 9110 section 6.5.1.
    }

    void on_header_impl(beast::error_code&) override { }

    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override { }

    std::size_t on_body_impl(Text piece, beast::error_code& failure) override { return take(piece, failure); }

    void on_chunk_header_impl(std::uint64_t size, Text, beast::error_code& failure) override
    {
        if (size > most_body - received_)
            stop(failure);
    }

    std::size_t on_chunk_body_impl(std::uint64_t, Text piece, beast::error_code& failure) override
    {
        return take(piece, failure);
    }

    void on_finish_impl(beast::error_code&) override { }

    std::size_t take(Text piece, beast::error_code& failure)
    {
        if (piece.size() > most_body - received_) {
            stop(failure);
            return 0;
        }
        received_ += piece.size();
        body.append(piece.data(), piece.size());
        return piece.size();
    }

    void stop(beast::error_code& failure)
    {
        too_large_ = true;
        failure = beast_http::make_error_code(beast_http::error::body_limit);
    }

    std::uint32_t header_bytes_;
    std::size_t header_count_;
    std::size_t fields_ = 0;
    std::uint64_t received_ = 0;
    bool too_large_ = false;
    bool sound_ = true;
    bool partial_chunk_ = false;
};

RequestParser::RequestParser(std::uint32_t header_bytes, std::size_t header_count)
    : impl_{std::make_unique<Impl>(header_bytes, header_count)}
{
}

RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

Result<std::size_t> RequestParser::feed(std::string_view input) { return impl_->feed(input); }

bool RequestParser::header_done() const noexcept { return impl_->is_header_done(); }

bool RequestParser::done() const noexcept { return impl_->complete(); }

const std::string& RequestParser::method() const noexcept { return impl_->method; }

const std::string& RequestParser::target() const noexcept { return impl_->target; }

bool RequestParser::is_http_1_0() const noexcept { return impl_->http_1_0; }

Fields RequestParser::take_headers() noexcept { return std::exchange(impl_->headers, {}); }

bool RequestParser::keep_alive() const noexcept { return impl_->keep_alive() && !impl_->http_1_0; }

std::optional<std::uint64_t> RequestParser::content_length() const noexcept
{
    const auto length = impl_->content_length();
    return length ? std::optional{*length} : std::nullopt;
}

void RequestParser::limit_body(std::uint64_t bytes) noexcept { impl_->most_body = bytes; }

std::string RequestParser::take_body() noexcept { return std::exchange(impl_->body, {}); }

std::size_t RequestParser::body_size() const noexcept { return impl_->body.size(); }

} // namespace slipway::http
