#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <utility>
#include <vector>

namespace slipway::vela {

/// One wait for sockets: until they are ready, a deadline passes or a stop is requested. One thread.
class RedisWait {
public:
    using Moment = std::chrono::steady_clock::time_point;

    RedisWait(Moment deadline, std::stop_token stop)
        : deadline_{deadline}
        , stop_{std::move(stop)}
        , wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
        , on_stop_{stop_, [fd = wake_.get()] {
                       const std::uint64_t one = 1;
                       [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
                   }}
    {
    }

    /// Returns with `revents` of one of `sockets` set; fails with `cancelled` or `timed_out`.
    [[nodiscard]] Result<void> poll(std::vector<pollfd>& sockets) const
    {
        sockets.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
        const int ready = poll_all(sockets);
        const int error = errno;
        sockets.pop_back();
        if (stop_.stop_requested())
            return Error{Errc::cancelled, "stopped while waiting for Redis"};
        if (ready < 0)
            return Error::from_errno("waiting for Redis", error);
        if (ready == 0)
            return Error{Errc::timed_out, "Redis did not answer in time"};
        return {};
    }

    [[nodiscard]] Result<void> poll(int socket, short events) const
    {
        std::vector<pollfd> one{{.fd = socket, .events = events, .revents = 0}};
        return poll(one);
    }

    [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }

    [[nodiscard]] Moment deadline() const noexcept { return deadline_; }

private:
    [[nodiscard]] int poll_all(std::vector<pollfd>& sockets) const
    {
        for (;;) {
            const auto left
                = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
            const int ready = ::poll(sockets.data(), sockets.size(),
                static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000)));
            if (ready > 0 || (ready < 0 && errno != EINTR) || std::chrono::steady_clock::now() >= deadline_)
                return ready < 0 && errno == EINTR ? 0 : ready;
        }
    }

    Moment deadline_;
    std::stop_token stop_;
    UniqueFd wake_;
    std::stop_callback<std::function<void()>> on_stop_;
};

} // namespace slipway::vela
