#pragma once

#include "common/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::http {

/// Names and values in the order in which they came; a name may come more than once.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// Who is at the other end of a connection.
struct Peer {
    /// Numeric address without the port: "127.0.0.1", "2001:db8::1".
    std::string address;
    /// The client certificate (DER) that was verified in the TLS handshake of this very connection; nothing
    /// if none was shown or the listener has no TLS.
    std::optional<std::string> certificate_der;
};

/// One request as a handler sees it. Everything in it came from the peer and is untrusted, `peer` excepted.
struct Request {
    /// As sent; methods are case-sensitive (RFC 9110 section 9.1). A HEAD request for a GET route stays
    /// "HEAD".
    std::string method;
    /// Percent-decoded, valid UTF-8 without control characters, no "." or ".." segments; starts with '/'.
    std::string path;
    /// Decoded as HTML forms are ('+' is a space); valid UTF-8 without NUL.
    Fields query;
    Fields headers;
    /// What stood in the places of the route's `{name}` segments.
    Fields parameters;
    /// The whole body; empty on a route with a sink.
    std::string body;
    Peer peer;
    /// Time since the handler was called for this request the first time; 0 at the first call.
    std::chrono::nanoseconds waited{};
    /// The wait of a parked request is over or the server is stopping: `Park` is no answer any more.
    bool last_call = false;

    /// The value of a `{name}` of the route's pattern; empty if the pattern has no such name.
    [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;
    /// The first header of that name, in any case of letters.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
    /// The token of "Authorization: Bearer …"; empty if there is none.
    [[nodiscard]] std::string_view bearer() const noexcept;
    /// The first query parameter of that name.
    [[nodiscard]] std::optional<std::string_view> query_value(std::string_view name) const noexcept;
};

/// The target of a request line (RFC 9112 section 3.2), decoded.
struct Target {
    std::string path;
    /// The path's parts between slashes, each decoded by itself, so that "%2F" never makes a segment.
    std::vector<std::string> segments;
    Fields query;
};

/// Decodes an origin-form or absolute-form target. Fails with `invalid_input` on a wrong percent-encoding,
/// control characters, invalid UTF-8, dot segments, over 8 KiB, over 64 segments or over 128 query
/// parameters.
[[nodiscard]] Result<Target> parse_target(std::string_view target);

/// Whether two header names are equal, in any case of (ASCII) letters.
[[nodiscard]] bool same_header_name(std::string_view a, std::string_view b) noexcept;

} // namespace slipway::http
