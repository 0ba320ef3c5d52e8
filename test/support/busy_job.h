#pragma once

#include "test/support/byte_generator.h"

#include <cstdint>
#include <string>

namespace slipway::test {

/// A shell command that prints the generator's lines without a pause until World::open_gate, then how many
/// they were ("total=") and the longest time between two of them ("longest=…ms", by a clock of 10 ms).
std::string busy_command(const ByteGenerator& lines);

/// The number behind the last `name` in a log. Throws std::runtime_error when it is not there.
std::uint32_t number_after(const std::string& log, const std::string& name);

} // namespace slipway::test
