#include "launcher/vela/build_places.h"

#include <utility>

namespace slipway::vela {

std::optional<std::string> BuildPlaces::take()
{
    const std::lock_guard lock{mutex_};
    if (places_.empty())
        return std::nullopt;
    auto place = std::move(places_.back());
    places_.pop_back();
    return place;
}

Result<void> BuildPlaces::give_back(const std::string& place, const std::stop_token& stop)
{
    if (has_room() && host_.empty_place(place, stop)) {
        const std::lock_guard lock{mutex_};
        if (places_.size() < most_) {
            places_.push_back(place);
            return {};
        }
    }
    return host_.remove_place(place, stop);
}

std::vector<std::string> BuildPlaces::take_all()
{
    const std::lock_guard lock{mutex_};
    return std::exchange(places_, {});
}

bool BuildPlaces::has_room() const
{
    const std::lock_guard lock{mutex_};
    return places_.size() < most_;
}

} // namespace slipway::vela
