#include "mothership/served_time.h"

#include <algorithm>

namespace slipway::mothership {

namespace {

constexpr Millis kAhead = 5000;

} // namespace

ServedTime::ServedTime(const Clock& clock, const Meta& meta)
    : clock_{&clock}
    , now_{.served = meta.served, .reserved = meta.reserved, .floor = meta.reserved, .at = clock.now()}
{
}

ServedTime::ServedTime(ServedTime&& other) noexcept
    : clock_{other.clock_}
    , now_{other.now_}
{
}

Millis ServedTime::now_locked() const
{
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now() - now_.at);
    return std::min(std::max(now_.floor, now_.served + elapsed.count()), now_.reserved);
}

Millis ServedTime::now() const
{
    const std::lock_guard lock{mutex_};
    return now_locked();
}

ServedTime::Reservation ServedTime::next() const
{
    const std::lock_guard lock{mutex_};
    Reservation next = now_;
    next.at = clock_->now();
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(next.at - now_.at);
    next.served
        = std::min(now_.served + elapsed.count(), now_.reserved); // what was not reserved was not served
    next.reserved = std::max(now_.reserved, next.served + kAhead);
    return next;
}

ServedTime::Reservation ServedTime::last() const
{
    const std::lock_guard lock{mutex_};
    const Millis at = now_locked();
    return {.served = at, .reserved = at, .floor = at, .at = clock_->now()};
}

ServedTime::Reservation ServedTime::from(Millis seen) const
{
    return {.served = seen, .reserved = seen + kAhead, .floor = seen, .at = clock_->now()};
}

void ServedTime::take(const Reservation& reservation)
{
    const std::lock_guard lock{mutex_};
    now_ = reservation;
}

} // namespace slipway::mothership
