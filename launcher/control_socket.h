#pragma once

#include "common/result.h"
#include "common/unique_fd.h"
#include "launcher/control_request.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace slipway::launcher {

/// The launcher's end of its control socket: mode 0600 in a directory of mode 0700, and a peer of another
/// user than the launcher's or root is refused whatever the modes are (SO_PEERCRED, unix(7)). One connection
/// at a time, each for at most two seconds, so that no client can hold up more than other clients.
class ControlServer {
public:
    /// Answers a request with JSON; called by the server's thread.
    using Handler = std::function<Result<std::string>(const ControlRequest&)>;

    /// Takes the place of a socket that an earlier process left: the caller holds the state directory's lock.
    static Result<ControlServer> listen(const std::filesystem::path& state_directory, Handler handler);

    ControlServer(ControlServer&&) noexcept = default;
    ControlServer& operator=(ControlServer&&) = delete;
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    /// Ends the thread and removes the socket.
    ~ControlServer();

private:
    ControlServer(UniqueFd directory, UniqueFd listener, UniqueFd wake, Handler handler);

    UniqueFd directory_;
    UniqueFd wake_;
    std::jthread thread_;
};

/// Asks the launcher of a state directory. Fails with `not_found` when none runs there, `rejected` when this
/// user may not ask, and `invalid_input` when the launcher answered with a refusal, whose words it has.
[[nodiscard]] Result<std::string> ask_launcher(const std::filesystem::path& state_directory,
    const ControlRequest& request, std::chrono::milliseconds deadline = std::chrono::seconds{5});

} // namespace slipway::launcher
