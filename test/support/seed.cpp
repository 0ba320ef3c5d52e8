#include "test/support/seed.h"

#include <cstdlib>
#include <random>

namespace slipway::test {

std::uint32_t seed()
{
    static const std::uint32_t chosen = [] {
        const char* given = std::getenv("SLIPWAY_SEED"); // NOLINT(concurrency-mt-unsafe): nobody sets it
        return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                : std::random_device{}();
    }();
    return chosen;
}

bool long_mode() { return std::getenv("SLIPWAY_LONG") != nullptr; }

} // namespace slipway::test
