#include "common/http/retry.h"
#include "test/support/manual_clock.h"
#include "test/support/raw_http_server.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace slipway::http {

using namespace std::chrono_literals;
using test::http_response;
using test::ManualClock;
using test::RawHttpServer;

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

ClientRequest get(const std::string& url)
{
    ClientRequest request;
    request.url = url;
    request.timeout = 10s;
    return request;
}

} // namespace

TEST_CASE("delays lie between nothing and a bound that doubles up to the cap", "[http]")
{
    const RetryPolicy policy{.attempts = 10, .base = 100ms, .cap = 1000ms};
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
    const RetryPolicy policy{.attempts = 3, .base = 100ms, .cap = 1000ms};
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
    CHECK(is_retryable(503));
    CHECK(is_retryable(429));
    CHECK_FALSE(is_retryable(200));
    CHECK_FALSE(is_retryable(409));
    CHECK_FALSE(is_retryable(501));
}

TEST_CASE("a request is repeated until it succeeds, waiting as the server asks", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        for (int i = 0; peer.read_request(); ++i)
            peer.send(i < 2 ? http_response(503, "", "Retry-After: 7\r\n") : http_response(200, "done"));
    }};
    auto client = HttpClient::create({.base_url = server.url()});
    REQUIRE(client);
    const ManualClock clock;
    FixedRandom random{0};
    const auto response = send_with_retry(*client, get("/x"), {{}, clock, random}, {});
    REQUIRE(response);
    CHECK(response->body == "done");
    CHECK(server.requests().size() == 3);
    CHECK(clock.slept() == 14s);
}

TEST_CASE("the last outcome is returned when the attempts are used up", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        while (peer.read_request())
            peer.send(http_response(500, "broken"));
    }};
    auto client = HttpClient::create({.base_url = server.url()});
    REQUIRE(client);
    const ManualClock clock;
    SystemRandom random;
    const auto response = send_with_retry(*client, get("/x"), {{.attempts = 4}, clock, random}, {});
    REQUIRE(response);
    CHECK(response->status == 500);
    CHECK(server.requests().size() == 4);
}

TEST_CASE("a request that streams is sent once only", "[http]")
{
    RawHttpServer server{[](RawHttpServer::Connection& peer) {
        while (peer.read_request())
            peer.send(http_response(503, ""));
    }};
    auto client = HttpClient::create({.base_url = server.url()});
    REQUIRE(client);
    const ManualClock clock;
    SystemRandom random;
    auto request = get("/x");
    request.on_data = [](std::string_view) -> Result<void> { return {}; };
    const auto response = send_with_retry(*client, request, {{}, clock, random}, {});
    REQUIRE(response);
    CHECK(response->status == 503);
    CHECK(server.requests().size() == 1);
}

TEST_CASE("a stop ends the wait for the next attempt", "[http]")
{
    std::stop_source stop;
    RawHttpServer server{[&stop](RawHttpServer::Connection& peer) {
        while (peer.read_request()) {
            peer.send(http_response(503, "", "Retry-After: 600\r\n"));
            stop.request_stop();
        }
    }};
    auto client = HttpClient::create({.base_url = server.url()});
    REQUIRE(client);
    const SystemClock clock;
    SystemRandom random;
    const auto response = send_with_retry(*client, get("/x"), {{}, clock, random}, stop.get_token());
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == Errc::cancelled);
}

} // namespace slipway::http
