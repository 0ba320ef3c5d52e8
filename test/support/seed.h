#pragma once

#include <cstdint>

namespace slipway::test {

/// The seed of this run of the tests: SLIPWAY_SEED from the environment, else a random one. When a test case
/// fails, the runner prints it as the variable that repeats the run.
[[nodiscard]] std::uint32_t seed();

} // namespace slipway::test
