#include "launcher/slot/slot_link.h"

#include "common/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slipway::slot {

std::string_view to_string(StopCause cause) noexcept
{
    switch (cause) {
    case StopCause::none:
        return "none";
    case StopCause::lease:
        return "lease";
    case StopCause::deadline:
        return "deadline";
    case StopCause::silence:
        return "silence";
    case StopCause::stopped:
        return "stopped";
    }
    return "none";
}

sockaddr_un short_address(int directory, std::string_view name)
{
    const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + std::string{name};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy_n(path.data(), std::min(path.size(), sizeof address.sun_path - 1), address.sun_path);
    return address;
}

namespace {

int left_until(std::chrono::steady_clock::time_point until)
{
    const auto left
        = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

} // namespace

SlotLink::SlotLink(LinkSpec spec, Random& random, UniqueFd directory, UniqueFd wake)
    : spec_{std::move(spec)}
    , random_{random}
    , directory_{std::move(directory)}
    , wake_{std::move(wake)}
{
}

SlotLink::~SlotLink() = default;

Result<std::unique_ptr<SlotLink>> SlotLink::listen(LinkSpec spec, Random& random)
{
    if (!spec.key.empty() && spec.key.size() != kKeySize)
        return Error{Errc::invalid_input, "the slot's key has the wrong size"};
    UniqueFd directory = SLIPWAY_TRY(open_file(spec.directory, O_RDONLY | O_DIRECTORY));
    UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!wake)
        return Error::from_errno("making an event descriptor", errno);
    std::unique_ptr<SlotLink> link{
        new SlotLink{std::move(spec), random, std::move(directory), std::move(wake)}};
    SLIPWAY_TRY(link->open_listener());
    return link;
}

Result<void> SlotLink::open_listener()
{
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket)
        return Error::from_errno("making the slot's socket", errno);
    constexpr const char* kFresh = "s.new";
    const sockaddr_un address = short_address(directory_.get(), kFresh);
    if (::unlinkat(directory_.get(), kFresh, 0) != 0 && errno != ENOENT)
        return Error::from_errno("removing an old slot socket", errno);
    // The container may run as any user; the directory above keeps out the users of this machine.
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
        || ::fchmodat(directory_.get(), kFresh, 0666, 0) != 0 || ::listen(socket.get(), 64) != 0
        || ::renameat(directory_.get(), kFresh, directory_.get(), kSocketName) != 0)
        return Error::from_errno("listening on the slot's socket", errno);
    listener_ = std::move(socket);
    return {};
}

void SlotLink::wake() noexcept
{
    woken_ = true;
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

Result<std::optional<Event>> SlotLink::next_event(std::chrono::milliseconds wait, std::stop_token stop)
{
    const auto until = std::chrono::steady_clock::now() + wait;
    for (bool first = true;; first = false) {
        if (stop.stop_requested())
            return Error{Errc::cancelled, "waiting for the slot was cancelled"};
        if (!events_.empty()) {
            Event event = std::move(events_.front());
            events_.pop_front();
            if (const auto* output = std::get_if<Output>(&event))
                queued_bytes_ -= output->bytes.size();
            return std::optional{std::move(event)};
        }
        if (woken_.exchange(false))
            return std::optional<Event>{};
        if (!first && std::chrono::steady_clock::now() >= until)
            return std::optional<Event>{};
        SLIPWAY_TRY(pump(until, stop));
    }
}

/// One round of waiting and of what is ready then.
Result<void> SlotLink::pump(TimePoint until, std::stop_token stop)
{
    if (!peer_ && !listener_)
        listen_again();
    if (!peer_ && !listener_)
        until = std::min(until, listen_at_);
    for (const auto& stranger : strangers_)
        until = std::min(until, stranger.until);
    std::array<pollfd, 3 + kMaxStrangers> fds{};
    nfds_t count = 0;
    fds[count++] = {wake_.get(), POLLIN, 0};
    fds[count++] = {peer_.get(), POLLIN, 0};
    fds[count++] = {listener_.get(), POLLIN, 0};
    for (const auto& stranger : strangers_)
        fds[count++] = {stranger.socket.get(), POLLIN, 0};
    {
        const std::stop_callback on_stop{stop, [this] {
                                             const std::uint64_t one = 1;
                                             (void)!::write(wake_.get(), &one, sizeof one);
                                         }};
        if (::poll(fds.data(), count, left_until(until)) < 0 && errno != EINTR)
            return Error::from_errno("waiting for the slot", errno);
    }
    std::uint64_t wakes = 0;
    (void)!::read(wake_.get(), &wakes, sizeof wakes);
    if (fds[1].revents != 0)
        read_peer();
    if (fds[2].revents != 0)
        accept_strangers();
    if (!strangers_.empty())
        SLIPWAY_TRY(greet_strangers());
    return {};
}

void SlotLink::accept_strangers()
{
    // Only so many at once: the kernel's queue is a flooder's as much as ours.
    for (std::size_t i = 0; i < kMaxStrangers; ++i) {
        UniqueFd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (!socket)
            return;
        // The oldest makes room: slot-init sends its frame with the connection, a flooder has nothing to
        // send.
        if (strangers_.size() == kMaxStrangers)
            strangers_.erase(strangers_.begin());
        strangers_.push_back({std::move(socket), {}, std::chrono::steady_clock::now() + kStrangerTime});
    }
}

Result<void> SlotLink::greet_strangers()
{
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < strangers_.size();) {
        Stranger& stranger = strangers_[i];
        std::array<char, sizeof(FrameHeader) + sizeof(ReadyFrame)> bytes{};
        const ssize_t count = ::recv(stranger.socket.get(), bytes.data(), stranger.reader.room(), 0);
        bool keep = count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR) && now < stranger.until);
        if (count > 0) {
            stranger.reader.feed({bytes.data(), static_cast<std::size_t>(count)});
            auto frame = stranger.reader.next();
            keep = frame.has_value();
            if (frame && frame->has_value()) {
                const auto ready = payload_head<ReadyFrame>((*frame)->payload);
                auto admitted = admit(stranger, *ready);
                if (admitted)
                    return {};
                if (admitted.error().code() != Errc::rejected)
                    return admitted;
                turned_away_ = admitted.error().message();
                keep = false;
            }
        }
        if (keep)
            ++i;
        else
            strangers_.erase(strangers_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return {};
}

/// `rejected`: not the slot. Any other failure is ours.
Result<void> SlotLink::admit(Stranger& stranger, const ReadyFrame& ready)
{
    constexpr std::array<char, kKeySize> kNone{};
    const std::string_view shown{reinterpret_cast<const char*>(ready.key), kKeySize};
    if (ready.version < kOldestProtocol || ready.version > kProtocolVersion)
        return Error{Errc::rejected,
            "its slot-init speaks version " + std::to_string(ready.version)
                + " of the protocol, this launcher " + std::to_string(kOldestProtocol) + " to "
                + std::to_string(kProtocolVersion)
                + ": start the version of the launcher that made the slot, until the stage has ended"};
    if (!spec_.key.equals(spec_.key.empty() ? std::string_view{} : shown)
        || (spec_.key.empty()
            && (shown != std::string_view{kNone.data(), kNone.size()} || ready.last_seq != 0)))
        return Error{Errc::rejected, "who connected does not have the slot's key"};
    if (spec_.key.empty()) {
        std::string key(kKeySize, '\0');
        random_.fill(std::as_writable_bytes(std::span{key}));
        Secret made = Secret::take(key);
        if (spec_.keep_key)
            SLIPWAY_TRY(in("keeping the slot's key", spec_.keep_key(made)));
        spec_.key = std::move(made);
    }
    HelloFrame hello{};
    std::memcpy(hello.key, spec_.key.reveal().data(), kKeySize);
    hello.have = spec_.have;
    // Read before the frame was sent: the difference is at most the true one, and no lease grows by it.
    clock_ahead_ = static_cast<std::int64_t>(ready.now_ms) - boot_millis();
    tells_executed_ = (ready.knows & kKnowsTellExecuted) != 0;
    std::string bytes = encode_frame(FrameType::hello, hello);
    wipe(&hello, sizeof hello);
    // Before any thread finds the peer: slot-init takes nothing before `hello`.
    auto greeted = send_to(stranger.socket.get(), bytes);
    wipe(bytes);
    {
        const std::scoped_lock lock{peer_mutex_};
        peer_ = std::move(stranger.socket);
    }
    turned_away_.clear();
    reader_ = {};
    reader_.admit();
    strangers_.clear();
    listener_.reset();
    events_.emplace_back(Ready{.last_seq = ready.last_seq,
        .running = ready.running,
        .output_begin = ready.begin,
        .output_end = ready.end});
    if (!greeted)
        lose_peer("the slot left while it was greeted");
    return {};
}

void SlotLink::lose_peer(std::string reason)
{
    {
        const std::scoped_lock lock{peer_mutex_};
        peer_.reset();
    }
    if (transfer_.id != 0 && !transfer_.failure)
        transfer_.failure = Error{Errc::unreachable, "the slot's connection broke: " + reason};
    listen_at_ = {};
    listen_again();
    events_.emplace_back(Disconnected{std::move(reason)});
}

/// A failure is tried again; it shows as a slot that does not come back, which its owner has a limit for.
void SlotLink::listen_again()
{
    const auto now = std::chrono::steady_clock::now();
    if (now < listen_at_)
        return;
    listen_at_ = now + kListenEvery;
    if (auto opened = open_listener(); !opened)
        turned_away_ = opened.error().message();
}

void SlotLink::read_peer()
{
    std::array<char, kMaxReply> bytes;
    const std::size_t room = std::min(reader_.room(), bytes.size());
    const ssize_t count = ::recv(peer_.get(), bytes.data(), room, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return lose_peer("the slot closed it");
    reader_.feed({bytes.data(), static_cast<std::size_t>(count)});
    for (;;) {
        auto frame = reader_.next();
        if (!frame)
            return lose_peer(frame.error().message());
        if (!frame->has_value())
            return;
        if (auto taken = take(**frame); !taken)
            return lose_peer(taken.error().message());
    }
}

Result<void> SlotLink::take(const Frame& frame)
{
    switch (frame.type) {
    case FrameType::out:
        return take_output(frame.payload);
    case FrameType::exited: {
        const auto head = *payload_head<ExitedFrame>(frame.payload);
        events_.emplace_back(Exited{.seq = head.seq,
            .kind = head.kind == ExitKind::exited ? ExitKind::exited : ExitKind::signalled,
            .code = head.code,
            .cause = head.cause,
            .oom_kills = head.oom_kills,
            .swept = (head.notes & kSwept) != 0,
            .never_executed = (head.notes & kNeverExecuted) != 0,
            .output_end = head.end});
        return {};
    }
    case FrameType::notice: {
        const auto head = *payload_head<NoticeFrame>(frame.payload);
        events_.emplace_back(Notice{.kind = head.kind,
            .seq = head.seq,
            .elapsed = std::chrono::milliseconds{head.elapsed_ms},
            .limit = std::chrono::milliseconds{head.limit_ms}});
        return {};
    }
    case FrameType::executed:
        events_.emplace_back(Executed{.seq = payload_head<ExecutedFrame>(frame.payload)->seq});
        return {};
    case FrameType::put_credit:
    case FrameType::get_data:
    case FrameType::transfer_end:
        return take_transfer_frame(frame);
    case FrameType::ready:
    case FrameType::hello:
    case FrameType::run:
    case FrameType::stop:
    case FrameType::lease:
    case FrameType::deadline:
    case FrameType::ack:
    case FrameType::bye:
    case FrameType::put:
    case FrameType::put_data:
    case FrameType::put_end:
    case FrameType::get:
    case FrameType::credit:
    case FrameType::cancel:
    case FrameType::attach:
        break;
    }
    return Error{Errc::invalid_input, "an unexpected frame"};
}

Result<void> SlotLink::take_output(std::string_view payload)
{
    const auto head = payload_head<OutFrame>(payload);
    // slot-init sends at most its window ahead of our acknowledgements; more is not slot-init.
    if (!head || queued_bytes_ > 4 * kOutputWindow)
        return Error{Errc::invalid_input, "output beyond the window"};
    const std::string_view bytes = payload.substr(sizeof *head);
    if (head->offset < spec_.have)
        return Error{Errc::invalid_input, "output that went back"};
    spec_.have = head->offset + bytes.size();
    queued_bytes_ += bytes.size();
    events_.emplace_back(Output{.offset = head->offset, .bytes = std::string{bytes}});
    return {};
}

} // namespace slipway::slot
