#include "launcher/slot/stdio_relay.h"

#include "common/file.h"
#include "common/secret.h"
#include "launcher/slot/cobs.h"
#include "launcher/slot/frame_reader.h"
#include "launcher/slot/slot_address.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

namespace slipway::slot {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// How long slot-init may take to answer an attachment; it may not have been started yet.
constexpr milliseconds kAnswer{2000};
constexpr milliseconds kRetryLeast{20};
constexpr milliseconds kRetryMost{1000};
/// What is kept of one side while the other one does not take it.
constexpr std::size_t kHeldBack = 256UL * 1024;

int left_until(Steady::time_point until)
{
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, kBeat));
}

Result<UniqueFd> connect_to(const std::filesystem::path& directory)
{
    const UniqueFd place = SLIPWAY_TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = short_address(place.get(), kSocketName);
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error::from_errno("connecting to the slot's socket", errno);
    if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0)
        return Error::from_errno("setting up the slot's socket", errno);
    return socket;
}

/// Cuts what comes from the socket into frames and gives them as they travel on stdin.
class FrameEncoder {
public:
    void take(std::string_view bytes, std::string& to)
    {
        buffer_.append(bytes);
        std::size_t used = 0;
        FrameHeader header{};
        while (buffer_.size() - used >= sizeof header) {
            std::memcpy(&header, buffer_.data() + used, sizeof header);
            if (buffer_.size() - used < sizeof header + header.length)
                break;
            append_cobs(to, std::string_view{buffer_}.substr(used, sizeof header + header.length));
            used += sizeof header + header.length;
        }
        if (used == 0)
            return;
        wipe(buffer_.data(), used); // secrets among them
        buffer_.erase(0, used);
    }

private:
    std::string buffer_;
};

Result<void> read_socket(int socket, FrameEncoder& encoder, std::string& to)
{
    std::array<char, 65536> bytes;
    const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return {};
    if (count <= 0)
        return Error{Errc::unreachable, "the slot's socket was closed"};
    encoder.take({bytes.data(), static_cast<std::size_t>(count)}, to);
    wipe(bytes.data(), static_cast<std::size_t>(count));
    return {};
}

Result<void> write_socket(int socket, std::string& bytes)
{
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
        return Error::from_errno("writing to the slot's socket", errno);
    if (count > 0)
        bytes.erase(0, static_cast<std::size_t>(count));
    return {};
}

} // namespace

bool NonceFinder::take(std::string& bytes)
{
    tail_ += bytes;
    bytes.clear();
    const auto at = tail_.find(nonce_);
    if (at == std::string::npos) {
        if (tail_.size() >= nonce_.size())
            tail_.erase(0, tail_.size() - nonce_.size() + 1);
        return false;
    }
    bytes = tail_.substr(at + nonce_.size());
    tail_.clear();
    return true;
}

StdioRelay::StdioRelay(
    docker::Engine engine, std::string container, std::filesystem::path directory, Random& random)
    : engine_{std::move(engine)}
    , container_{std::move(container)}
    , directory_{std::move(directory)}
    , random_{random}
    , wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
{
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
}

StdioRelay::~StdioRelay()
{
    thread_.request_stop();
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    thread_ = {};
}

/// Who listens at the socket asks the engine why nothing comes; here it is only tried again.
void StdioRelay::run(std::stop_token stop)
{
    auto wait = kRetryLeast;
    while (!stop.stop_requested()) {
        const auto began = Steady::now();
        try {
            (void)carry(stop);
        } catch (const std::exception&) { // no memory, above all
        }
        wait = Steady::now() - began > kAnswer * 2 ? kRetryLeast : std::min(wait * 2, kRetryMost);
        pollfd woken{wake_.get(), POLLIN, 0};
        (void)::poll(&woken, 1, static_cast<int>(wait.count()));
    }
}

Result<void> StdioRelay::carry(std::stop_token stop)
{
    auto streams = SLIPWAY_TRY(docker::AttachedStreams::open(engine_, container_, stop));
    auto begin = SLIPWAY_TRY(attach(streams, stop));
    const auto socket = SLIPWAY_TRY(connect_to(directory_));
    return pump(streams, socket.get(), std::move(begin), std::move(stop));
}

/// Asks for a new connection; returns what follows on the answer.
Result<std::string> StdioRelay::attach(docker::AttachedStreams& streams, std::stop_token stop)
{
    AttachFrame frame{};
    random_.fill(std::as_writable_bytes(std::span{frame.nonce}));
    NonceFinder finder{{reinterpret_cast<const char*>(frame.nonce), sizeof frame.nonce}};
    std::string to_slot(1, '\0'); // ends what another launcher has begun
    append_cobs(to_slot, encode_frame(FrameType::attach, frame));
    const auto until = Steady::now() + kAnswer;
    std::string bytes;
    while (!stop.stop_requested() && Steady::now() < until) {
        to_slot.erase(0, SLIPWAY_TRY(streams.write(to_slot)));
        SLIPWAY_TRY(streams.read(bytes));
        if (!bytes.empty() && finder.take(bytes))
            return bytes;
        if (!bytes.empty())
            continue;
        std::array<pollfd, 2> fds{{{wake_.get(), POLLIN, 0},
            {streams.fd(), static_cast<short>(to_slot.empty() ? POLLIN : POLLIN | POLLOUT), 0}}};
        (void)::poll(fds.data(), fds.size(), left_until(until));
    }
    return Error{Errc::timed_out, "slot-init does not answer on stdout"};
}

Result<void> StdioRelay::pump(
    docker::AttachedStreams& streams, int socket, std::string from_slot, std::stop_token stop)
{
    FrameEncoder encoder;
    std::string to_slot;
    std::string nothing;
    append_cobs(nothing, encode_frame(FrameType::ack, AckFrame{}));
    bool greeted = false; // slot-init takes nothing before `hello`
    auto beat = Steady::now() + milliseconds{kBeat};
    while (!stop.stop_requested()) {
        const bool may_read_slot = from_slot.size() < kHeldBack;
        const bool may_read_socket = to_slot.size() < kHeldBack;
        std::array<pollfd, 3> fds{{{wake_.get(), POLLIN, 0},
            {streams.fd(), static_cast<short>((may_read_slot ? POLLIN : 0) | (to_slot.empty() ? 0 : POLLOUT)),
                0},
            {socket, static_cast<short>((may_read_socket ? POLLIN : 0) | (from_slot.empty() ? 0 : POLLOUT)),
                0}}};
        (void)::poll(fds.data(), fds.size(), left_until(beat));
        if (may_read_slot)
            SLIPWAY_TRY(streams.read(from_slot));
        if (!from_slot.empty())
            SLIPWAY_TRY(write_socket(socket, from_slot));
        if (may_read_socket)
            SLIPWAY_TRY(read_socket(socket, encoder, to_slot));
        greeted = greeted || !to_slot.empty();
        if (greeted && Steady::now() >= beat) {
            to_slot += nothing;
            beat = Steady::now() + milliseconds{kBeat};
        }
        const auto sent = SLIPWAY_TRY(streams.write(to_slot));
        wipe(to_slot.data(), sent);
        to_slot.erase(0, sent);
    }
    return {};
}

} // namespace slipway::slot
