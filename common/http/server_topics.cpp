#include "common/http/server_topics.h"

#include <algorithm>

namespace slipway::http {

void Topics::notify(std::string_view topic)
{
    const std::lock_guard lock{mutex_};
    notified_[slot(topic)] = ++moment_;
    for (auto at = by_topic_.lower_bound({std::string{topic}, 0});
         at != by_topic_.end() && at->first == topic; ++at) {
        auto& wake = waiting_[at->second];
        if (wake)
            std::exchange(wake, nullptr)();
    }
}

Topics::Moment Topics::now() const
{
    const std::lock_guard lock{mutex_};
    return moment_;
}

Topics::Ticket Topics::wait(const std::vector<std::string>& topics, Moment since, std::function<void()> wake)
{
    const std::lock_guard lock{mutex_};
    const auto changed = [&](const std::string& topic) { return notified_[slot(topic)] > since; };
    if (std::any_of(topics.begin(), topics.end(), changed))
        return 0;
    const Ticket ticket = next_ticket_++;
    waiting_.emplace(ticket, std::move(wake));
    for (const auto& topic : topics)
        by_topic_.emplace(topic, ticket);
    return ticket;
}

void Topics::leave(Ticket ticket, const std::vector<std::string>& topics)
{
    const std::lock_guard lock{mutex_};
    for (const auto& topic : topics)
        by_topic_.erase({topic, ticket});
    waiting_.erase(ticket);
}

std::size_t Topics::slot(std::string_view topic) noexcept
{
    return std::hash<std::string_view>{}(topic) % kSlots;
}

} // namespace slipway::http
