#pragma once

#include "common/http/request.h"
#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::http {

/// Reads one HTTP/1 request from bytes as they come. Knows no connection. After a failure it is of no more
/// use.
class RequestParser {
public:
    RequestParser(std::uint32_t header_bytes, std::size_t header_count);
    RequestParser(RequestParser&&) noexcept;
    RequestParser& operator=(RequestParser&&) noexcept;
    ~RequestParser();

    /// Takes bytes from the front of `input` and says how many; what is left must be given again with more
    /// behind it. Stops behind the headers (call again for the body) and behind the request. Fails with
    /// `invalid_input` for bytes that are no request and `exhausted` for too large a header, chunk header,
    /// trailer or body.
    [[nodiscard]] Result<std::size_t> feed(std::string_view input);

    [[nodiscard]] bool header_done() const noexcept;
    /// The request is complete; never after a failure.
    [[nodiscard]] bool done() const noexcept;

    /// Valid once the header is done.
    [[nodiscard]] const std::string& method() const noexcept;
    [[nodiscard]] const std::string& target() const noexcept;
    [[nodiscard]] bool is_http_1_0() const noexcept;
    [[nodiscard]] Fields take_headers() noexcept;
    /// Whether the client wants another request on this connection.
    [[nodiscard]] bool keep_alive() const noexcept;
    /// Nothing for a chunked body.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

    /// To be set before the body is fed; the whole body, decoded.
    void limit_body(std::uint64_t bytes) noexcept;
    /// The body bytes since the last call.
    [[nodiscard]] std::string take_body() noexcept;
    [[nodiscard]] std::size_t body_size() const noexcept;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::http
