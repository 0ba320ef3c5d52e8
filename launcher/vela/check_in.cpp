#include "launcher/backoff.h"
#include "launcher/vela/worker.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// The longest pause after a check-in that failed.
constexpr std::chrono::seconds kLongestPause{5};
constexpr std::chrono::seconds kLeast{1};

} // namespace

WorkerRow Worker::row() const
{
    const auto& options = parts_.options;
    return {.hostname = options.hostname,
        .address = options.worker_address,
        .routes = options.queue_routes,
        .active = true,
        .status = {},
        .build_limit = options.build_limit};
}

std::string Worker::status() const
{
    const auto count = running();
    if (!trouble_.empty() && !enlisted_)
        return "error";
    if (count == 0)
        return "idle";
    return count < static_cast<std::size_t>(parts_.options.build_limit) ? "available" : "busy";
}

/// A token must not end before the next check-in.
std::chrono::milliseconds Worker::check_in_pause()
{
    const auto wanted = parts_.options.check_in;
    const auto left = parts_.credentials.left();
    if (!left)
        return wanted;
    const std::chrono::milliseconds least = kLeast;
    const auto safe = std::max<std::chrono::milliseconds>(std::chrono::milliseconds{*left} * 2 / 3, least);
    if (safe >= wanted)
        return wanted;
    if (!std::exchange(warned_of_interval_, true))
        parts_.logger.warn(
            "the server's tokens last shorter than the interval of check-ins: this worker checks "
            "in sooner. Give the server a VELA_WORKER_AUTH_TOKEN_DURATION above this worker's "
            "VELA_CHECK_IN");
    return safe;
}

void Worker::check_in_loop(std::stop_token stop)
{
    const std::stop_callback ends{leave_.get_token(), [this] { changed_.notify_all(); }};
    launcher::Backoff backoff{parts_.clock, parts_.random, kLongestPause};
    auto due = parts_.clock.now();
    while (!stop.stop_requested() && !leave_.stop_requested()) {
        bool changed = false;
        {
            std::unique_lock lock{mutex_};
            const auto pause = std::max<std::chrono::nanoseconds>(due - parts_.clock.now(), {});
            (void)changed_.wait_for(
                lock, stop, pause, [&] { return status_changed_ || leave_.stop_requested(); });
            changed = std::exchange(status_changed_, false);
        }
        if (stop.stop_requested() || leave_.stop_requested())
            break;
        if (parts_.clock.now() < due && changed && enlisted_) {
            if (const auto told = tell_status(stop); !told)
                parts_.logger.warn("the server was not told of this worker's state", told.error());
            continue;
        }
        const auto done = check_in(stop);
        if (done) {
            backoff.reset();
            due = parts_.clock.now() + check_in_pause();
            continue;
        }
        if (done.error().code() == Errc::cancelled)
            break;
        parts_.logger.warn("the check-in failed; trying again", done.error());
        {
            const std::lock_guard lock{mutex_};
            enlisted_ = false;
            trouble_ = done.error().message();
        }
        tell_change();
        if (!parts_.credentials.has_token() && !parts_.credentials.is_shared_secret()) {
            parts_.credentials.forget();
            parts_.logger.warn(
                "the token has ended. Waiting for registration; an admin types: vela add worker "
                "--worker.hostname "
                + parts_.options.hostname + " --worker.address " + parts_.options.worker_address);
            if (!parts_.credentials.wait_offered(leave_.get_token()))
                break;
        } else {
            (void)backoff.wait(stop);
        }
        due = parts_.clock.now();
    }
}

/// One round: known, or made known; the next token; Redis answers; the state is told.
Result<void> Worker::check_in(std::stop_token stop)
{
    auto& credentials = parts_.credentials;
    const auto& host = parts_.options.hostname;
    if (credentials.take_offered())
        parts_.logger.info("a registration has brought a token");
    const auto known = SLIPWAY_TRY(parts_.server.worker(credentials.token(), host, stop));
    auto mine = row();
    mine.status = "idle";
    auto next = known ? parts_.server.refresh(credentials.token(), host, stop)
                      : parts_.server.add_worker(credentials.token(), mine, stop);
    if (!next)
        return std::move(next).error().in(known ? "renewing the token" : "adding the worker");
    SLIPWAY_TRY(credentials.renew(*std::move(next)));
    auto answers = in("Redis", queue_->ping(stop));
    bool fresh = false;
    {
        const std::lock_guard lock{mutex_};
        fresh = !enlisted_ && answers.has_value();
        contact_ = parts_.clock.now();
        enlisted_ = answers.has_value();
        trouble_ = answers ? std::string{} : answers.error().message();
    }
    auto told = tell_status(stop);
    SLIPWAY_TRY(answers);
    if (!told)
        return told;
    if (fresh)
        parts_.logger.info("checked in: this worker takes builds",
            {{"worker", host}, {"server", parts_.options.server_address},
                {"limit", std::to_string(parts_.options.build_limit)}});
    tell_change();
    return {};
}

Result<void> Worker::tell_status(std::stop_token stop)
{
    WorkerUpdate update;
    update.row = row();
    {
        const std::lock_guard lock{mutex_};
        update.status = status();
        update.last_build_started_at = last_started_;
        update.last_build_finished_at = last_finished_;
        std::vector<std::int64_t> ids;
        for (const auto& build : builds_)
            if (build)
                ids.push_back(build->id());
        update.running_builds = std::move(ids);
    }
    update.last_status_update_at = now_seconds(parts_.clock);
    return parts_.server.update_worker(
        parts_.credentials.token(), parts_.options.hostname, update, std::move(stop));
}

} // namespace slipway::vela
