#include "launcher/vela/stage_order.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// Whether `from` waits for `to`, directly or through others.
bool reaches(const std::vector<std::vector<std::size_t>>& needs, std::size_t from, std::size_t to)
{
    std::vector<bool> seen(needs.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
        const auto stage = open.back();
        open.pop_back();
        if (stage == to)
            return true;
        if (seen[stage])
            continue;
        seen[stage] = true;
        open.insert(open.end(), needs[stage].begin(), needs[stage].end());
    }
    return false;
}

} // namespace

StageOrder::StageOrder(const std::vector<Stage>& stages)
    : needs_(stages.size())
    , finished_(stages.size())
{
    for (std::size_t stage = 0; stage < stages.size(); ++stage)
        for (const auto& name : stages[stage].needs) {
            const auto found
                = std::ranges::find_if(stages, [&](const auto& other) { return other.name == name; });
            const auto needed = static_cast<std::size_t>(found - stages.begin());
            if (found != stages.end() && !reaches(needs_, needed, stage))
                needs_[stage].push_back(needed);
        }
}

void StageOrder::wait(std::size_t stage, std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    (void)changed_.wait(lock, std::move(stop), [&] {
        return std::ranges::all_of(needs_[stage], [&](std::size_t needed) { return finished_[needed]; });
    });
}

void StageOrder::finished(std::size_t stage)
{
    {
        const std::lock_guard lock{mutex_};
        finished_[stage] = true;
    }
    changed_.notify_all();
}

} // namespace slipway::vela
