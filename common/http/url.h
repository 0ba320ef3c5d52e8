#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::http {

/// Encodes all but the unreserved characters of RFC 3986 section 2.3, so the result fits a path segment and a
/// query value alike.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// "a=1&b=x%20y"; empty for no parameters.
[[nodiscard]] std::string query_string(const std::vector<std::pair<std::string, std::string>>& parameters);

/// An absolute http or https URL in its parts.
struct Url {
    std::string scheme; ///< "http" or "https"
    std::string host; ///< Lower case; an IPv6 address without its brackets.
    std::uint16_t port = 0; ///< The scheme's own when the text names none.
    std::string path; ///< Starts with '/'; still percent-encoded.
    std::string query; ///< Without '?'; still percent-encoded.

    /// "https://host:8443": scheme, host and, where it is not the scheme's own, the port.
    [[nodiscard]] std::string origin() const;
};

/// Reads an absolute URL. Strict: a user name, a fragment, white space, control and non-ASCII bytes, an empty
/// host, a port outside 1-65535 and texts over 8192 bytes fail with `invalid_input`; the message says what is
/// wrong and never repeats the text, which may hold a secret.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

} // namespace slipway::http
