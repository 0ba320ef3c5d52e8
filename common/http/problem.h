#pragma once

#include "common/error.h"

#include <string>
#include <string_view>

namespace slipway::http {

inline constexpr std::string_view kProblemContentType = "application/problem+json";

/// An error of an HTTP API (RFC 9457).
struct Problem {
    int status = 0; ///< Of the response itself; one in the body is advisory and not used.
    std::string type = "about:blank";
    std::string title;
    std::string detail;
    std::string instance;

    /// For the caller that does not look at the status: its code and "410 Gone: the detail".
    [[nodiscard]] Error error() const;
};

/// What an HTTP error status means to the caller: 400 and other 4xx invalid_input; 401, 403, 410 rejected;
/// 404 not_found; 408 timed_out; 409, 412 conflict; 413, 507 exhausted; 429 and other 5xx unreachable.
[[nodiscard]] Errc code_of_status(int status) noexcept;

/// The problem that an error response tells of. Never fails: a body that is not application/problem+json, or
/// is broken or over 64 KiB, gives a problem with the status' own words. Control characters in texts become
/// spaces.
[[nodiscard]] Problem decode_problem(int status, std::string_view content_type, std::string_view body);

/// The body to send with `kProblemContentType`; empty members are left out.
[[nodiscard]] std::string encode_problem(const Problem& problem);

} // namespace slipway::http
