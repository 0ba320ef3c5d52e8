#pragma once

#include <cstdint>

namespace slipway::test {

/// The seed of this run of the tests: SLIPWAY_SEED from the environment, else a random one. When a test case
/// fails, the runner prints it as the variable that repeats the run.
[[nodiscard]] std::uint32_t seed();

/// SLIPWAY_LONG is set: tests that draw a few cases by their seed take all of them, and random ones go on for
/// longer.
[[nodiscard]] bool long_mode();

} // namespace slipway::test
