#include "common/clock.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

using namespace slipway;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

/// Whether the kernel says of a thread of ours that it waits.
bool is_asleep(pid_t thread)
{
    std::ifstream file{"/proc/self/task/" + std::to_string(thread) + "/stat"};
    std::string text;
    std::getline(file, text);
    const auto name_end = text.rfind(')');
    return name_end != std::string::npos && text.substr(name_end, 3) == ") S";
}

std::string at(milliseconds since_1970) { return format_rfc3339(system_clock::time_point{since_1970}); }

} // namespace

TEST_CASE("a time is written in UTC with milliseconds")
{
    CHECK(at(0ms) == "1970-01-01T00:00:00.000Z");
    CHECK(at(1767323045678ms) == "2026-01-02T03:04:05.678Z");
    CHECK(at(951827696789ms) == "2000-02-29T12:34:56.789Z");
    CHECK(at(4102444799999ms) == "2099-12-31T23:59:59.999Z");
    CHECK(at(-1ms) == "1969-12-31T23:59:59.999Z");
    CHECK(format_rfc3339(system_clock::time_point{1999999ns}) == "1970-01-01T00:00:00.001Z");
}

TEST_CASE("the machine's clock of intervals does not step back")
{
    const SystemClock clock;
    auto before = clock.now();
    for (int i = 0; i < 1000; ++i) {
        const auto next = clock.now();
        CHECK(next >= before);
        before = next;
    }
}

TEST_CASE("a sleep ends after its time, at once when a stop was requested before")
{
    const SystemClock clock;
    std::stop_source source;
    const auto start = clock.now();
    CHECK(clock.sleep_for(2ms, source.get_token()) == Clock::Slept::whole);
    CHECK(clock.now() - start >= 2ms);
    source.request_stop();
    CHECK(clock.sleep_for(1h, source.get_token()) == Clock::Slept::stopped);
}

TEST_CASE("a stop that is requested in the middle of a sleep ends it")
{
    const SystemClock clock;
    std::stop_source source;
    std::atomic<pid_t> sleeper{0};
    auto slept = std::async(std::launch::async, [&] {
        sleeper = ::gettid();
        return clock.sleep_for(1h, source.get_token());
    });
    while (sleeper == 0 || !is_asleep(sleeper))
        std::this_thread::yield();
    source.request_stop();
    CHECK(slept.get() == Clock::Slept::stopped);
}
