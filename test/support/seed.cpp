#include "test/support/seed.h"

#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace slipway::test {

namespace {

std::uint32_t choose()
{
    if (const char* given = std::getenv("SLIPWAY_SEED"))
        return static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
    return std::random_device{}();
}

/// Prints the seed behind each test case that failed.
class SeedPrinter final : public Catch::TestEventListenerBase {
public:
    using TestEventListenerBase::TestEventListenerBase;

    void testCaseEnded(const Catch::TestCaseStats& stats) override
    {
        if (!stats.totals.assertions.allOk())
            std::fprintf(stderr, "to repeat: SLIPWAY_SEED=%u\n", seed());
        TestEventListenerBase::testCaseEnded(stats);
    }
};

CATCH_REGISTER_LISTENER(SeedPrinter)

} // namespace

std::uint32_t seed()
{
    static const std::uint32_t chosen = choose();
    return chosen;
}

} // namespace slipway::test
