#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::http {

/// What parked requests wait for. Made before the server and the handlers, which share it; several servers
/// may share one. Thread-safe.
class Topics {
public:
    /// Something that handlers waiting for `topic` look at has changed, and the change can be seen already:
    /// each request parked on it has its handler called again. Never blocks for long. Extra calls are
    /// harmless.
    void notify(std::string_view topic);

    /// The server's side, below.
    using Moment = std::uint64_t;
    using Ticket = std::uint64_t;

    /// Now; taken before a handler looks at its state.
    [[nodiscard]] Moment now() const;

    /// Waits for any of `topics`: `wake` is called once, from within `notify`, and must not block nor call
    /// back in here. If one was notified since `since`, nothing is registered and the result is 0: look
    /// again. (Notifications are remembered per hash of the name, so that a 0 may be a false alarm.)
    [[nodiscard]] Ticket wait(
        const std::vector<std::string>& topics, Moment since, std::function<void()> wake);

    /// Ends a wait, woken or not. When this returns, `wake` is not running and will not be called.
    void leave(Ticket ticket, const std::vector<std::string>& topics);

private:
    static constexpr std::size_t kSlots = 4096;

    [[nodiscard]] static std::size_t slot(std::string_view topic) noexcept;

    mutable std::mutex mutex_;
    Moment moment_ = 0;
    Ticket next_ticket_ = 1;
    std::array<Moment, kSlots> notified_{};
    std::map<Ticket, std::function<void()>> waiting_;
    std::set<std::pair<std::string, Ticket>> by_topic_;
};

} // namespace slipway::http
