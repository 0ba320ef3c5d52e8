#include "launcher/vela/build_context.h"

#include <algorithm>

namespace slipway::vela {

std::uint32_t text_identity(std::string_view key) noexcept
{
    std::uint32_t hash = 2166136261U; // FNV-1a
    for (const char byte : key) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 16777619U;
    }
    return hash;
}

void BuildContext::tell_build(const std::string& name)
{
    Build told;
    {
        const std::lock_guard lock{mutex};
        told = build;
    }
    outbox.send("build." + name, [this, told](std::stop_token stop) -> Result<void> {
        auto answer = SLIPWAY_TRY(services.server.update_build(token, told, std::move(stop)));
        const std::lock_guard lock{mutex};
        build.whole = std::move(answer.whole);
        return {};
    });
}

std::optional<IdleContainer> BuildContext::take_idle(
    const std::string& reference, const std::string& image_id)
{
    const std::lock_guard lock{mutex};
    const auto found = std::ranges::find_if(kit.idle,
        [&](const IdleContainer& idle) { return idle.reference == reference && idle.image_id == image_id; });
    if (found == kit.idle.end())
        return std::nullopt;
    IdleContainer idle = std::move(*found);
    kit.idle.erase(found);
    return idle;
}

void BuildContext::fail(std::string words)
{
    {
        const std::lock_guard lock{mutex};
        if (error.empty())
            error = std::move(words);
    }
    end_early(Ending::failed);
}

void BuildContext::end_early(Ending why)
{
    {
        const std::lock_guard lock{mutex};
        if (ending != Ending::no)
            return;
        ending = why;
        if (why == Ending::canceled)
            build.status = status::kCanceled;
        if (why == Ending::timed_out && error.empty())
            error = kDeadlineWords;
    }
    // A cancelled job gets a while to clean up; one whose time is over has had it.
    const auto grace = why == Ending::canceled ? kCancelGrace : std::chrono::milliseconds{0};
    work.request_stop();
    const std::lock_guard lock{mutex};
    for (const auto& stop : stoppers)
        stop(grace);
}

Ending BuildContext::how_it_ends() const
{
    const std::lock_guard lock{mutex};
    return ending;
}

} // namespace slipway::vela
