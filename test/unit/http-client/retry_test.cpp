#include "common/http/retry.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace slipway::http {

using namespace std::chrono_literals;

namespace {

/// Gives the same 64-bit number each time.
class FixedRandom final : public Random {
public:
    explicit FixedRandom(unsigned char byte)
        : byte_{byte}
    {
    }

    void fill(std::span<std::byte> bytes) override
    {
        std::fill(bytes.begin(), bytes.end(), std::byte{byte_});
    }

private:
    unsigned char byte_;
};

} // namespace

TEST_CASE("delays lie between nothing and a bound that doubles up to the cap", "[http]")
{
    const RetryPolicy policy{.base = 100ms, .cap = 1000ms};
    SystemRandom random;
    const auto [attempt, bound] = GENERATE(table<int, std::chrono::milliseconds>(
        {{1, 100ms}, {2, 200ms}, {3, 400ms}, {4, 800ms}, {5, 1000ms}, {60, 1000ms}, {1'000'000, 1000ms}}));
    auto least = std::chrono::milliseconds::max();
    auto most = std::chrono::milliseconds::min();
    for (int i = 0; i < 2000; ++i) {
        const auto delay = next_delay(policy, attempt, {}, random);
        least = std::min(least, delay);
        most = std::max(most, delay);
    }
    CHECK(least >= 0ms);
    CHECK(least < bound / 10);
    CHECK(most > bound * 9 / 10);
    CHECK(most <= bound);
}

TEST_CASE("a server's Retry-After is kept, with jitter on top and within reason", "[http]")
{
    const RetryPolicy policy{.base = 100ms, .cap = 1000ms};
    FixedRandom none{0};
    CHECK(next_delay(policy, 1, 7s, none) == 7s);
    CHECK(next_delay(policy, 1, 24h, none) == kLongestRetryAfter);
    SystemRandom random;
    for (int i = 0; i < 200; ++i) {
        const auto delay = next_delay(policy, 5, 7s, random);
        REQUIRE(delay >= 7s);
        REQUIRE(delay <= 7100ms);
    }
}

TEST_CASE("Retry-After is read as seconds or as an HTTP date", "[http]")
{
    const auto now = std::chrono::sys_days{std::chrono::year{1994} / 11 / 6} + 8h + 49min;
    CHECK(parse_retry_after("0", now) == 0ms);
    CHECK(parse_retry_after("120", now) == 120s);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now) == 37s);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:48:00 GMT", now) == 0ms);
    CHECK(parse_retry_after("99999999999999999999", now) > 24h);
}

TEST_CASE("a Retry-After that is neither is no Retry-After", "[http]")
{
    const auto now = std::chrono::system_clock::time_point{};
    const std::string text = GENERATE(as<std::string>{}, "", "-1", "1.5", "soon", " 1",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 9999 08:49:37 GMT");
    CHECK_FALSE(parse_retry_after(text, now));
}

TEST_CASE("only passing failures are retryable", "[http]")
{
    CHECK(is_retryable(Error{Errc::unreachable, ""}));
    CHECK(is_retryable(Error{Errc::timed_out, ""}));
    CHECK_FALSE(is_retryable(Error{Errc::rejected, ""}));
    CHECK_FALSE(is_retryable(Error{Errc::cancelled, ""}));
}

} // namespace slipway::http
