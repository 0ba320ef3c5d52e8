#include "launcher/control_socket.h"

#include "common/file.h"
#include "common/json.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

namespace slipway::launcher {

namespace {

using TimePoint = std::chrono::steady_clock::time_point;

constexpr const char* kName = "control";
constexpr std::chrono::seconds kServe{2};

/// Short whatever the directory's own path is: a socket's path ends at 107 bytes.
sockaddr_un address_in(const UniqueFd& directory)
{
    const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + kName;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy_n(path.data(), std::min(path.size(), sizeof address.sun_path - 1), address.sun_path);
    return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

/// Waits until `fd` is ready for `events`, the time is over or `wake` (if there is one) was written to.
Result<void> wait_for(int fd, short events, int wake, TimePoint until)
{
    for (;;) {
        const auto left
            = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        std::array<pollfd, 2> fds{pollfd{fd, events, 0}, pollfd{wake, POLLIN, 0}};
        const int ready = ::poll(
            fds.data(), wake < 0 ? 1 : 2, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return Error::from_errno("waiting at the control socket", errno);
        if (wake >= 0 && fds[1].revents != 0)
            return Error{Errc::cancelled, "the launcher ends"};
        if (ready > 0)
            return {};
        if (std::chrono::steady_clock::now() >= until)
            return Error{Errc::timed_out, "no answer at the control socket in time"};
    }
}

enum class Until : bool { line_end, closed };

Result<std::string> receive(int fd, Until until, std::size_t most, int wake, TimePoint deadline)
{
    std::string text;
    std::array<char, 4096> piece{};
    for (;;) {
        SLIPWAY_TRY(wait_for(fd, POLLIN, wake, deadline));
        const ssize_t count = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count < 0)
            return Error::from_errno("reading from the control socket", errno);
        if (count == 0)
            return text;
        text.append(piece.data(), static_cast<std::size_t>(count));
        if (text.size() > most)
            return Error{Errc::exhausted, "more than " + std::to_string(most) + " bytes came"};
        if (until == Until::line_end && text.find('\n') != std::string::npos)
            return text.substr(0, text.find('\n'));
    }
}

Result<void> send_all(int fd, std::string_view text, int wake, TimePoint deadline)
{
    while (!text.empty()) {
        SLIPWAY_TRY(wait_for(fd, POLLOUT, wake, deadline));
        const ssize_t count = ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count < 0)
            return Error::from_errno("writing to the control socket", errno);
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

std::string error_json(std::string_view message)
{
    JsonWriter json;
    json.begin_object().field("error", message).end_object();
    return json.take();
}

bool may_ask(int fd)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0
        && (peer.uid == 0 || peer.uid == ::geteuid());
}

/// Nothing when the launcher ends.
std::string answer(int fd, const ControlServer::Handler& handler, int wake, TimePoint until)
{
    if (!may_ask(fd))
        return error_json("only the user of the launcher and root may ask it");
    const auto line = receive(fd, Until::line_end, kMaxControlRequest, wake, until);
    if (!line && line.error().code() == Errc::cancelled) // to be told as one that is gone
        return {};
    if (!line)
        return error_json(line.error().message());
    const auto request = read_control_request(*line);
    if (!request)
        return error_json(request.error().message());
    auto text = handler(*request);
    return text ? *std::move(text) : error_json(text.error().message());
}

void serve(
    const UniqueFd& listener, int wake, const ControlServer::Handler& handler, const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        // Again and again: a deadline that is far away.
        if (!wait_for(listener.get(), POLLIN, wake, std::chrono::steady_clock::now() + std::chrono::hours{1}))
            continue;
        const UniqueFd peer{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!peer)
            continue;
        const auto until = std::chrono::steady_clock::now() + kServe;
        // A client that does not take its answer has lost interest.
        if (const auto text = answer(peer.get(), handler, wake, until); !text.empty())
            (void)send_all(peer.get(), text + "\n", wake, until);
    }
}

Error nobody(const std::filesystem::path& directory)
{
    return {Errc::not_found,
        "no launcher runs on the state directory " + directory.string()
            + ": start it (systemctl start slipway-launcher), or name the directory of the one you mean with "
              "--state-dir or SLIPWAY_STATE_DIR"};
}

Error forbidden(const std::filesystem::path& directory)
{
    return {Errc::rejected,
        "this user may not ask the launcher of " + directory.string()
            + ": be its user, or root (sudo slipway-launcher …)"};
}

} // namespace

Result<ControlServer> ControlServer::listen(const std::filesystem::path& state_directory, Handler handler)
{
    UniqueFd directory = SLIPWAY_TRY(open_file(state_directory, O_PATH | O_DIRECTORY));
    UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!listener || !wake)
        return Error::from_errno("making the control socket", errno);
    if (::unlinkat(directory.get(), kName, 0) != 0 && errno != ENOENT)
        return Error::from_errno("removing the old socket " + (state_directory / kName).string(), errno);
    const auto address = address_in(directory);
    if (::bind(listener.get(), generic(address), sizeof address) != 0
        || ::fchmodat(directory.get(), kName, 0600, 0) != 0 || ::listen(listener.get(), 16) != 0)
        return Error::from_errno("listening at " + (state_directory / kName).string(), errno);
    return ControlServer{std::move(directory), std::move(listener), std::move(wake), std::move(handler)};
}

ControlServer::ControlServer(UniqueFd directory, UniqueFd listener, UniqueFd wake, Handler handler)
    : directory_{std::move(directory)}
    , wake_{std::move(wake)}
    , thread_{[listening = std::move(listener), wake_fd = wake_.get(), handles = std::move(handler)](
                  const std::stop_token& stop) { serve(listening, wake_fd, handles, stop); }}
{
}

ControlServer::~ControlServer()
{
    if (!wake_)
        return; // moved from
    thread_.request_stop();
    (void)::eventfd_write(wake_.get(), 1);
    thread_ = {};
    (void)::unlinkat(directory_.get(), kName, 0);
}

Result<std::string> ask_launcher(const std::filesystem::path& state_directory, const ControlRequest& request,
    std::chrono::milliseconds deadline)
{
    const auto until = std::chrono::steady_clock::now() + deadline;
    const UniqueFd directory{::open(state_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!directory)
        return errno == EACCES ? forbidden(state_directory) : nobody(state_directory);
    const UniqueFd peer{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!peer)
        return Error::from_errno("making a socket", errno);
    const auto address = address_in(directory);
    if (::connect(peer.get(), generic(address), sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
            return nobody(state_directory);
        if (errno == EACCES)
            return forbidden(state_directory);
        return Error::from_errno("asking the launcher of " + state_directory.string(), errno);
    }
    auto text = [&]() -> Result<std::string> {
        SLIPWAY_TRY(send_all(peer.get(), to_json(request), -1, until));
        return receive(peer.get(), Until::closed, kMaxControlAnswer, -1, until);
    }();
    if (!text && text.error().code() != Errc::unreachable)
        return text;
    if (!text || text->empty()) // it ended in between
        return nobody(state_directory);
    const auto document = SLIPWAY_TRY(in("the launcher's answer",
        JsonDocument::parse(*text, {.max_bytes = kMaxControlAnswer, .max_depth = 8})));
    if (const auto refused = SLIPWAY_TRY(document.root().string_or("error", "")); !refused.empty())
        return Error{Errc::invalid_input, refused};
    return text;
}

} // namespace slipway::launcher
