#include "common/clock.h"

#include <array>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>

namespace slipway {

std::chrono::system_clock::time_point SystemClock::wall() const { return std::chrono::system_clock::now(); }

BootClock::time_point SystemClock::now() const
{
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return BootClock::time_point{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

Clock::Slept SystemClock::sleep_for(std::chrono::nanoseconds time, std::stop_token stop) const
{
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock{mutex};
    never.wait_for(lock, stop, time, [&stop] { return stop.stop_requested(); });
    return stop.stop_requested() ? Slept::stopped : Slept::whole;
}

std::string format_rfc3339(std::chrono::system_clock::time_point time)
{
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{floor<milliseconds>(time - day)};
    std::array<char, 40> text{};
    const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return {text.data(), static_cast<std::size_t>(length)};
}

} // namespace slipway
