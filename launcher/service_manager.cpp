#include "launcher/service_manager.h"

#include "common/unique_fd.h"
#include "common/utf8.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <ctime>

namespace slipway::launcher {

namespace {

/// Without a watchdog the status is looked at this often, since ages in it change by themselves.
constexpr std::chrono::seconds kLook{10};

std::optional<std::int64_t> integer(std::optional<std::string_view> text)
{
    std::int64_t value = 0;
    if (!text)
        return std::nullopt;
    const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (failure != std::errc{} || end != text->data() + text->size() || value <= 0)
        return std::nullopt;
    return value;
}

/// The clock that the protocol names; ours is another one.
std::int64_t monotonic_micros()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

} // namespace

Result<void> notify_service_manager(std::string_view socket, std::string_view message)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() < 2 || socket.size() >= sizeof address.sun_path
        || (socket[0] != '/' && socket[0] != '@'))
        return Error{Errc::invalid_input, "NOTIFY_SOCKET names no socket of systemd"};
    std::copy(socket.begin(), socket.end(), address.sun_path);
    if (socket[0] == '@')
        address.sun_path[0] = '\0';
    const UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
    if (!fd
        || ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), size)
            < 0)
        return Error::from_errno("telling the service manager", errno);
    return {};
}

std::optional<std::chrono::microseconds> watchdog_interval(
    std::optional<std::string_view> usec, std::optional<std::string_view> pid, int our_pid)
{
    const auto micros = integer(usec);
    if (!micros || (pid && integer(pid) != our_pid))
        return std::nullopt;
    return std::chrono::microseconds{std::max<std::int64_t>(*micros / 2, 1)};
}

std::string status_line(const EngineStatus& status, std::string_view url)
{
    const auto found = holds(status, url);
    if (!found.empty() && found.front().cause != "busy")
        return found.front().text;
    return std::to_string(status.stages.size()) + " of " + std::to_string(status.capacity) + " places taken";
}

ServiceManager::ServiceManager(ServiceManagerOptions options)
    : options_{std::move(options)}
    , thread_{[this](std::stop_token stop) { run(std::move(stop)); }}
{
}

ServiceManager::~ServiceManager() = default;

void ServiceManager::changed()
{
    const std::lock_guard lock{mutex_};
    pending_ = true;
    changes_.notify_all();
}

void ServiceManager::around_reload(const std::function<void()>& reload)
{
    if (!ready_)
        return reload();
    // One that does not listen changes nothing for jobs.
    (void)notify_service_manager(
        options_.socket, "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_micros()));
    reload();
    (void)notify_service_manager(options_.socket, "READY=1");
}

void ServiceManager::run(std::stop_token stop)
{
    const auto pause = options_.watchdog.value_or(kLook);
    while (!stop.stop_requested()) {
        tell();
        std::unique_lock lock{mutex_};
        changes_.wait_for(lock, stop, pause, [this] { return pending_; });
        pending_ = false;
    }
}

/// What could not be sent is news again the next time.
void ServiceManager::tell()
{
    const auto status = options_.status();
    const bool leaving
        = std::ranges::any_of(status.drains, [](const Drain& drain) { return leaves(drain.by); });
    const bool was_ready = ready_;
    auto line = status_line(status, options_.url);
    std::string message;
    if (status.polled && !was_ready)
        message += "READY=1\n";
    if (leaving && !stopping_)
        message += "STOPPING=1\n";
    if (options_.watchdog && status.stalled < kLongestStep)
        message += "WATCHDOG=1\n";
    if (line != told_)
        message += "STATUS=" + escape_controls(line) + "\n";
    if (message.empty())
        return;
    ready_ = was_ready || status.polled; // before anyone can have heard of it
    if (!notify_service_manager(options_.socket, message)) {
        ready_ = was_ready;
        return;
    }
    stopping_ = stopping_ || leaving;
    told_ = std::move(line);
}

} // namespace slipway::launcher
