#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// A shorter value is not masked: it would stand in too many places.
inline constexpr std::size_t kLeastMasked = 4;
/// Of a shorter value only the value itself is masked.
inline constexpr std::size_t kLeastEncoded = 8;

/// Of a longer value, too: a file, of which each line is masked.
inline constexpr std::size_t kMostEncoded = 64 * 1024;

/// Whether a value is not masked for its length; one of white space alone needs no masking.
[[nodiscard]] bool is_too_short(std::string_view value);

/// Adds the forms in which a log may show `value`, each at most Needles::kLongest bytes long:
///
/// - the value, without white space around it, and each line of it, if they have at least kLeastMasked bytes;
/// - of those with at least kLeastEncoded bytes also as it is written in JSON, URLs and shell commands;
/// - of a whole value with at least kLeastEncoded bytes also base64 at each of the three alignments,
/// base64url, and
///   hexadecimal.
///
/// A form that is longer is cut; what is cut apart is masked piece by piece, as one, since pieces touch.
/// Base64 and hexadecimal are also cut where base64(1), PEM (RFC 7468) and xxd(1) break lines.
/// Of a value that is too short there are none.
void add_forms(std::string_view value, std::vector<std::string>& to);

} // namespace slipway::launcher
