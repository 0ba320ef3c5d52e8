#include "common/clock.h"
#include "launcher/slot/slot_link.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace slipway::slot {

namespace {

int milliseconds_until(std::chrono::steady_clock::time_point until)
{
    const auto left
        = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
}

} // namespace

Result<void> SlotLink::send_bytes(std::string_view bytes)
{
    const std::scoped_lock lock{peer_mutex_};
    return peer_ ? send_to(peer_.get(), bytes) : Error{Errc::unreachable, "the slot is not connected"};
}

Result<void> SlotLink::send_to(int socket, std::string_view bytes)
{
    const auto until = std::chrono::steady_clock::now() + kWriteTime;
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        const int failure = errno;
        pollfd ready{socket, POLLOUT, 0};
        if (failure == EINTR || (failure == EAGAIN && ::poll(&ready, 1, milliseconds_until(until)) > 0))
            continue;
        // Half a frame may be out: this connection is over, and the owner sees it by its end.
        ::shutdown(socket, SHUT_RDWR);
        return failure == EAGAIN ? Error{Errc::unreachable, "the slot does not read"}
                                 : Error{Errc::unreachable, "the slot's connection broke"};
    }
    return {};
}

namespace {

/// The kernel's limit for one argument or variable, its NUL included (MAX_ARG_STRLEN of execve(2)).
constexpr std::size_t kMaxArgument = 128 * 1024;

/// `what` names it for people; a variable's value is never shown.
Result<void> append_text(std::string& body, std::string_view text, const std::string& what)
{
    if (text.find('\0') != std::string_view::npos)
        return Error{Errc::invalid_input, what + " holds a NUL byte"};
    if (text.size() >= kMaxArgument)
        return Error{Errc::invalid_input, what + " is longer than 128 KiB, the most a process can be given"};
    body.append(text).push_back('\0');
    return {};
}

Result<void> append_run(std::string& body, const RunSpec& spec)
{
    SLIPWAY_TRY(append_text(body, spec.user, "the user"));
    SLIPWAY_TRY(append_text(body, spec.cwd, "the working directory"));
    for (std::size_t i = 0; i < spec.argv.size(); ++i)
        SLIPWAY_TRY(append_text(body, spec.argv[i], "argument " + std::to_string(i)));
    for (const auto& text : spec.env)
        SLIPWAY_TRY(append_text(body, text, "the variable " + text.substr(0, text.find('='))));
    if (spec.argv.empty() || spec.argv.size() > 8192 || spec.env.size() > 8192
        || body.size() + sizeof(RunFrame) > kMaxPayload)
        return Error{Errc::invalid_input,
            "the command with its environment is empty, or has over 8192 arguments, 8192 variables or 2 MiB"};
    return {};
}

} // namespace

Result<void> SlotLink::run(std::uint32_t seq, const RunSpec& spec)
{
    std::string body;
    std::size_t size = spec.user.size() + spec.cwd.size() + 2;
    for (const auto* list : {&spec.argv, &spec.env})
        for (const auto& text : *list)
            size += text.size() + 1;
    body.reserve(size); // No stale copies of secrets.
    auto sent = append_run(body, spec);
    if (sent)
        sent = send(FrameType::run,
            RunFrame{.seq = seq,
                .flags = spec.tell_executed && tells_executed_ ? kTellExecuted : 0,
                .argc = static_cast<std::uint32_t>(spec.argv.size()),
                .envc = static_cast<std::uint32_t>(spec.env.size())},
            body);
    wipe(body);
    return in("starting a command in the slot", std::move(sent));
}

namespace {

std::uint32_t small_ms(std::chrono::milliseconds time)
{
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, INT32_MAX));
}

} // namespace

std::int64_t SlotLink::boot_millis()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock{}.now().time_since_epoch())
        .count();
}

Result<void> SlotLink::stop(std::chrono::milliseconds grace)
{
    return send(FrameType::stop, StopFrame{.grace_ms = small_ms(grace)});
}

Result<void> SlotLink::lease(std::chrono::milliseconds left)
{
    const std::int64_t until = boot_millis() + clock_ahead_ + small_ms(left);
    return send(FrameType::lease,
        LeaseFrame{
            .until_ms = left == kNoLease ? 0 : static_cast<std::uint64_t>(std::max<std::int64_t>(until, 1))});
}

Result<void> SlotLink::limits(const Limits& limits)
{
    return send(FrameType::deadline,
        DeadlineFrame{.total_ms = small_ms(limits.total),
            .silence_ms = small_ms(limits.silence),
            .grace_ms = small_ms(limits.grace),
            .zero = 0});
}

Result<void> SlotLink::ack(std::uint64_t offset, std::uint32_t seq)
{
    return send(FrameType::ack, AckFrame{.offset = offset, .seq = seq, .zero = 0});
}

Result<void> SlotLink::bye()
{
    const FrameHeader header{.length = 0, .type = FrameType::bye};
    return send_bytes({reinterpret_cast<const char*>(&header), sizeof header});
}

} // namespace slipway::slot
