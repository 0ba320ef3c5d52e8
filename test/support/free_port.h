#pragma once

#include <cstdint>

namespace slipway::test {

/// A port that was free on all addresses a moment ago, below those that outgoing connections take (32768 and
/// above): a server that is killed must find its own again. Throws std::runtime_error when there is none.
[[nodiscard]] std::uint16_t free_port();

} // namespace slipway::test
