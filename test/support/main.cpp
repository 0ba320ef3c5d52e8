#include "test/support/seed.h"

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <cstdio>

namespace {

/// Prints the seed behind each test case that failed.
class SeedPrinter final : public Catch::TestEventListenerBase {
public:
    using TestEventListenerBase::TestEventListenerBase;

    void testCaseEnded(const Catch::TestCaseStats& stats) override
    {
        if (!stats.totals.assertions.allOk())
            std::fprintf(stderr, "to repeat: SLIPWAY_SEED=%u\n", slipway::test::seed());
        TestEventListenerBase::testCaseEnded(stats);
    }
};

CATCH_REGISTER_LISTENER(SeedPrinter)

} // namespace
