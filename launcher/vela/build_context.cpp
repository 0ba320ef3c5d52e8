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
    outbox.send("build." + name,
        [this, told](const std::stop_token& stop) -> Result<void> { return put_build(told, stop); });
}

/// The server takes any status, also over a cancel of its own: of a build that it believed to be pending, or
/// whose worker did not answer it. So it is asked before; and after, since it may have been at it right then.
Result<void> BuildContext::put_build(Build told, const std::stop_token& stop)
{
    const bool begins = told.status == status::kRunning;
    const auto put = [&]() -> Result<void> {
        auto answer = SLIPWAY_TRY(services.server.update_build(token, told, stop));
        const std::lock_guard lock{mutex};
        build.whole = std::move(answer.whole);
        return {};
    };
    const auto yield = [&] {
        logger.info("the server has cancelled the build");
        told.status = status::kCanceled;
        told.error.clear(); // the server keeps its own
        if (begins)
            end_early(Ending::canceled);
        const std::lock_guard lock{mutex};
        build.status = status::kCanceled;
    };
    const bool open = told.status != status::kCanceled;
    if (open && SLIPWAY_TRY(server_says(stop)) == status::kCanceled)
        yield();
    SLIPWAY_TRY(put());
    if (told.status != status::kRunning || SLIPWAY_TRY(server_says(stop)) != status::kCanceled)
        return {};
    yield();
    return put();
}

/// "": it does not say, and will not.
Result<std::string> BuildContext::server_says(const std::stop_token& stop) const
{
    auto row = services.server.build(token, build.build_name(), stop);
    if (row)
        return std::move(row->status);
    if (http::is_retryable(row.error()) || row.error().code() == Errc::cancelled)
        return row.error();
    return std::string{};
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
