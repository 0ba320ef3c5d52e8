#include "launcher/registration.h"

#include "common/file.h"
#include "common/utf8.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// The year 2200: a later time of the server's does not fit a time point.
constexpr std::int64_t kLatestWall = 7'258'118'400'000;

} // namespace

Registration::Registration(
    Backend& backend, Identity identity, int capacity, const Clock& clock, Logger logger, int output)
    : backend_{backend}
    , capacity_{capacity}
    , clock_{clock}
    , logger_{std::move(logger)}
    , output_{output}
    , identity_{std::move(identity)}
{
}

void Registration::replace(Identity identity)
{
    const std::lock_guard lock{mutex_};
    identity_ = std::move(identity);
}

Result<protocol::RegisterResponse> Registration::enroll(
    const protocol::RegisterRequest& request, std::stop_token stop)
{
    auto response = backend_.enroll(request, stop);
    const std::lock_guard lock{mutex_};
    refusal_.reset();
    if (!response) {
        if (response.error().code() == Errc::rejected)
            refusal_ = registration_refusal(response.error(), identity_.url);
        return response;
    }
    // A server that does not tell its time is not compared with.
    const auto servers = std::chrono::system_clock::time_point{
        std::chrono::milliseconds{std::min(response->wall_ms, kLatestWall)}};
    auto clocks = response->wall_ms == 0 ? ClockCheck{} : check_clock(identity_, clock_.wall(), servers);
    if (clocks.refusal) {
        refusal_ = std::move(clocks.refusal);
        if (const auto gone = backend_.sign_off(std::move(stop)); !gone)
            logger_.warn("the worker could not leave the pool", gone.error());
        return Error{Errc::rejected, refusal_->message};
    }
    if (clocks.warning)
        logger_.warn(*clocks.warning);
    announce(*response);
    return response;
}

std::optional<Refusal> Registration::refusal() const
{
    const std::lock_guard lock{mutex_};
    return refusal_;
}

void Registration::announce(const protocol::RegisterResponse& response)
{
    if (!announced_)
        if (const auto written = write_all(output_, ready_line(response, identity_.url, capacity_)); !written)
            logger_.warn("the line that says ready could not be written", written.error());
    announced_ = true;
}

std::string ready_line(const protocol::RegisterResponse& response, std::string_view url, int capacity)
{
    // The name comes from the server; a terminal may read this.
    return escape_controls("slipway-launcher is ready: pool \"" + response.pool_name + "\" ("
               + response.pool_id + "), worker " + response.worker_id + ", " + std::string{url}
               + ", capacity " + std::to_string(capacity))
        + "\n";
}

} // namespace slipway::launcher
