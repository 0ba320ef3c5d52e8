#include "mothership/served_time.h"

#include <algorithm>

namespace slipway::mothership {

namespace {

constexpr Millis kAhead = 5000;

} // namespace

ServedTime::ServedTime(const Clock& clock, const Meta& meta)
    : clock_{&clock}
    , start_{clock.now()}
    , base_{meta.served}
    , floor_{meta.reserved}
    , reserved_{meta.reserved}
{
}

ServedTime::ServedTime(ServedTime&& other) noexcept
    : clock_{other.clock_}
    , start_{other.start_}
    , base_{other.base_}
    , floor_{other.floor_}
    , reserved_{other.reserved_}
{
}

Result<ServedTime> ServedTime::resume(Store& store, const Clock& clock)
{
    Meta meta;
    const auto look = [&](Transaction& records) -> Result<void> {
        meta = SLIPWAY_TRY(records.meta());
        return {};
    };
    SLIPWAY_TRY(store.read(look));
    ServedTime time{clock, meta};
    SLIPWAY_TRY(time.reserve(store));
    return time;
}

Millis ServedTime::now_locked() const
{
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now() - start_);
    return std::min(std::max(floor_, base_ + elapsed.count()), reserved_);
}

Millis ServedTime::now() const
{
    const std::lock_guard lock{mutex_};
    return now_locked();
}

Result<void> ServedTime::persist(Millis served, Millis reserved, Store& store)
{
    return store.write([&](Transaction& records) -> Result<void> {
        Meta meta = SLIPWAY_TRY(records.meta());
        meta.served = served;
        meta.reserved = reserved;
        return records.put_meta(meta);
    });
}

Result<void> ServedTime::reserve(Store& store)
{
    Millis served = 0;
    Millis reserved = 0;
    BootClock::time_point at;
    {
        const std::lock_guard lock{mutex_};
        at = clock_->now();
        const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(at - start_);
        served = std::min(base_ + elapsed.count(), reserved_);
        reserved = std::max(reserved_, served + kAhead);
    }
    SLIPWAY_TRY(persist(served, reserved, store));
    const std::lock_guard lock{mutex_};
    // Time that passed while nothing was reserved was not served.
    base_ = served;
    start_ = at;
    reserved_ = reserved;
    return {};
}

Result<void> ServedTime::close(Store& store)
{
    const Millis at = now();
    return persist(at, at, store);
}

Result<void> ServedTime::advance_to(Millis seen, Store& store)
{
    SLIPWAY_TRY(persist(seen, seen + kAhead, store));
    const std::lock_guard lock{mutex_};
    base_ = seen;
    floor_ = seen;
    start_ = clock_->now();
    reserved_ = seen + kAhead;
    return {};
}

} // namespace slipway::mothership
