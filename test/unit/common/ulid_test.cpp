#include "common/ulid.h"
#include "test/support/manual_clock.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace slipway;
using namespace std::chrono_literals;

namespace {

/// Bytes that count upwards.
class CountingRandom final : public Random {
public:
    void fill(std::span<std::byte> bytes) override
    {
        for (auto& byte : bytes)
            byte = static_cast<std::byte>(next_++);
    }

private:
    unsigned next_ = 0;
};

} // namespace

TEST_CASE("a ULID holds the time in its first ten characters")
{
    // The example of github.com/ulid/spec: 1469918176385 ms is 01ARYZ6S41.
    const test::ManualClock clock{std::chrono::system_clock::time_point{1469918176385ms}};
    CountingRandom random;
    CHECK(make_ulid(clock, random) == "01ARYZ6S410123456789ABCDEF");
}

TEST_CASE("later ULIDs sort behind earlier ones, those of one millisecond differ")
{
    test::ManualClock clock;
    SystemRandom random;
    std::set<std::string> same;
    for (int i = 0; i < 1000; ++i)
        same.insert(make_ulid(clock, random));
    CHECK(same.size() == 1000);
    clock.advance(1ms);
    const auto later = make_ulid(clock, random);
    CHECK(later > *same.rbegin());
    CHECK(is_ulid(later));
}

TEST_CASE("only 26 upper-case characters of Crockford's alphabet are a ULID")
{
    CHECK(is_ulid("01ARYZ6S41TSV4RRFFQ69G5FAV"));
    CHECK(is_ulid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
    for (const char* text : {"", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S41TSV4RRFFQ69G5FA",
             "01ARYZ6S41TSV4RRFFQ69G5FAVV", "01aryz6s41tsv4rrffq69g5fav", "01ARYZ6S41TSV4RRFFQ69G5FAI",
             "01ARYZ6S41TSV4RRFFQ69G5FAL", "01ARYZ6S41TSV4RRFFQ69G5FAO", "01ARYZ6S41TSV4RRFFQ69G5FAU",
             "01ARYZ6S41/../RRFFQ69G5FAV", "01ARYZ6S41TSV4RRFFQ69G5F%0"})
        CHECK_FALSE(is_ulid(text));
    CHECK_FALSE(is_ulid(std::string_view{"01ARYZ6S41TSV4RRFFQ69G5FA\0", 26}));
}

TEST_CASE("numbers below a bound are all of them and nothing else")
{
    SystemRandom random;
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i)
        seen.insert(random.below(5));
    CHECK(seen == std::set<std::uint64_t>{0, 1, 2, 3, 4});
    CHECK(random.below(1) == 0);
}
