#pragma once

#include "common/clock.h"
#include "common/random.h"

#include <string>
#include <string_view>

namespace slipway {

/// A new ULID (github.com/ulid/spec): 26 characters of Crockford base32, sorts by time of creation.
[[nodiscard]] std::string make_ulid(const Clock& clock, Random& random);

/// Whether `text` has the form of a ULID. Ids from outside are checked before they reach a path or a query.
[[nodiscard]] bool is_ulid(std::string_view text) noexcept;

} // namespace slipway
