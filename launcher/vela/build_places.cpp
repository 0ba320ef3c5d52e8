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

Result<void> BuildPlaces::keep(const std::string& place, const std::stop_token& stop)
{
    {
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

} // namespace slipway::vela
