#pragma once

#include "common/http/reply.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace slipway::http {

struct ReplyHead {
    std::uint64_t content_length = 0;
    bool close = false;
    std::chrono::system_clock::time_point date;
};

/// The status line and headers of `reply` as bytes, the empty line included. Control characters in values
/// become spaces, so that no value makes a header of its own.
[[nodiscard]] std::string format_head(const Reply& reply, const ReplyHead& head);

/// RFC 9110 section 6.4.1: answers of these statuses never have a body.
[[nodiscard]] bool status_has_body(int status) noexcept;

/// IMF-fixdate (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string format_http_date(std::chrono::system_clock::time_point time);

} // namespace slipway::http
