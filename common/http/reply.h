#pragma once

#include "common/error.h"
#include "common/http/request.h"
#include "common/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::http {

/// A part of an open file as a body. The file must not shrink before it is sent; if it does, the connection
/// is cut.
struct FileBody {
    UniqueFd file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// "Nothing to say yet": the server keeps the request without a thread and calls the handler again when one
/// of `topics` is notified (see `Topics`), when `max_wait` since the first call is over, or when the server
/// stops (both: `Request::last_call`). A notification between the handler's start and the parking is never
/// lost. With `look_again` above zero the handler is called so long after it parked too, within `max_wait`.
struct Park {
    std::vector<std::string> topics;
    std::chrono::milliseconds max_wait{};
    std::chrono::milliseconds look_again{};
};

/// What a handler answers. Content-Length, Date and Connection are the server's to write.
struct Reply {
    int status = 200;
    Fields headers;
    std::variant<std::string, FileBody, Park> body;

    /// Adds a header; `Reply::text(200, "…").with("Cache-Control", "no-store")`.
    [[nodiscard]] Reply with(std::string_view name, std::string_view value) &&;

    /// No body: 204 and the like.
    [[nodiscard]] static Reply empty(int status);
    [[nodiscard]] static Reply text(int status, std::string body);
    /// `json` is JSON text.
    [[nodiscard]] static Reply json(int status, std::string json);
    [[nodiscard]] static Reply bytes(int status, std::string_view content_type, std::string body);
    [[nodiscard]] static Reply file(int status, std::string_view content_type, FileBody file);
    [[nodiscard]] static Reply park(std::vector<std::string> topics, std::chrono::milliseconds max_wait,
        std::chrono::milliseconds look_again = {});

    /// application/problem+json (RFC 9457) with `status`, the standard phrase as `title`, `detail` if not
    /// empty and `code`, a word for programs, if not empty.
    [[nodiscard]] static Reply problem(int status, std::string_view detail, std::string_view code = {});
    /// The same from a failure: invalid_input 400, rejected 403, not_found 404, conflict 409, exhausted 413,
    /// internal 500 (the message is for our log), unreachable 502, cancelled 503, timed_out 504.
    [[nodiscard]] static Reply problem(const Error& error);
};

/// The standard phrase of a status (RFC 9110 section 15); "Unknown" if there is none.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

} // namespace slipway::http
