#include "launcher/poll_call.h"

#include <exception>
#include <utility>

namespace slipway::launcher {

PollCall::PollCall(Send send)
    : thread_{[this, send = std::move(send)](std::stop_token stop) {
        std::optional<Result<http::ClientResponse>> answer;
        try {
            answer = send(std::move(stop));
        } catch (const std::exception& failure) {
            answer = Error{Errc::internal, failure.what()};
        }
        const std::lock_guard lock{mutex_};
        answer_ = std::move(answer);
        over_ = true;
        answered_.notify_all();
    }}
{
}

std::optional<Result<http::ClientResponse>> PollCall::wait(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    answered_.wait(lock, std::move(stop), [this] { return over_; });
    return std::exchange(answer_, std::nullopt);
}

bool PollCall::over() const
{
    const std::lock_guard lock{mutex_};
    return over_;
}

} // namespace slipway::launcher
