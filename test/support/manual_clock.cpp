#include "test/support/manual_clock.h"

namespace slipway::test {

ManualClock::ManualClock(std::chrono::system_clock::time_point wall)
    : start_{wall}
{
}

std::chrono::system_clock::time_point ManualClock::wall() const
{
    return start_ + std::chrono::nanoseconds{elapsed_.load() - kBooted + stepped_.load()};
}

BootClock::time_point ManualClock::now() const
{
    return BootClock::time_point{std::chrono::nanoseconds{elapsed_.load()}};
}

Clock::Slept ManualClock::sleep_for(std::chrono::nanoseconds time, std::stop_token stop) const
{
    if (stop.stop_requested())
        return Slept::stopped;
    elapsed_ += time.count();
    slept_ += time.count();
    return Slept::whole;
}

void ManualClock::advance(std::chrono::nanoseconds time) { elapsed_ += time.count(); }

void ManualClock::step_wall(std::chrono::nanoseconds time) { stepped_ += time.count(); }

std::chrono::nanoseconds ManualClock::slept() const { return std::chrono::nanoseconds{slept_.load()}; }

} // namespace slipway::test
