#include "launcher/slot-init/slot_init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

void SlotInit::connect_link()
{
    if (socket_path_ == nullptr) {
        link_ = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
        return;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path_, sizeof address.sun_path - 1);
    link_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link_ >= 0 && ::connect(link_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return;
    close_fd(link_);
    retry_later();
}

void SlotInit::retry_later()
{
    retry_at_ = now_ + retry_wait_;
    // By a quarter: a launcher that was away for a while is found a quarter of that later at most.
    retry_wait_ = retry_wait_ * 5 / 4 < kRetryMost ? retry_wait_ * 5 / 4 : kRetryMost;
    (void)due(retry_at_);
}

/// Whoever was connected is not any more.
void SlotInit::reset_link()
{
    if (admitted_)
        away_since_ = now_;
    admitted_ = ready_sent_ = exit_sent_ = executed_sent_ = nonce_due_ = false;
    ::explicit_bzero(&in_, rx_used_);
    rx_used_ = tx_used_ = tx_sent_ = 0;
    end_transfer();
}

void SlotInit::drop_link()
{
    reset_link();
    close_fd(link_);
    retry_later();
}

void SlotInit::read_link()
{
    heard_ = now_;
    if (socket_path_ == nullptr)
        read_stdin();
    else
        read_socket();
}

void SlotInit::read_socket()
{
    // Bounded, so that a busy launcher cannot keep the job's output waiting.
    for (int frames = 0; frames < 16 && link_ >= 0; ++frames) {
        while (rx_used_ < frame_size()) {
            char* const to = reinterpret_cast<char*>(&in_) + rx_used_;
            const ssize_t count = frame_size() <= sizeof in_ ? ::read(link_, to, frame_size() - rx_used_) : 0;
            if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            if (count <= 0)
                return drop_link();
            rx_used_ += static_cast<std::size_t>(count);
        }
        end_frame();
    }
}

/// A whole frame is here.
void SlotInit::end_frame()
{
    const bool good = take_frame();
    if (in_.header.type == FrameType::run || in_.header.type == FrameType::hello)
        ::explicit_bzero(in_.payload, in_.header.length);
    rx_used_ = 0;
    if (!good && link_ >= 0)
        drop_link();
}

bool SlotInit::take_frame()
{
    const FrameType type = in_.header.type;
    if (type == FrameType::attach)
        return socket_path_ == nullptr && take_attach();
    if (admitted_ != (type != FrameType::hello))
        return false;
    if (type == FrameType::hello)
        return take_hello();
    if (type == FrameType::run)
        return take_run();
    if (type == FrameType::bye)
        leave();
    return type < FrameType::bye ? take_command() : take_transfer_frame();
}

bool SlotInit::take_hello()
{
    HelloFrame hello{};
    if (!payload(hello) || (has_key_ && std::memcmp(key_, hello.key, sizeof key_) != 0))
        return false;
    std::memcpy(key_, hello.key, sizeof key_);
    has_key_ = admitted_ = true;
    ::explicit_bzero(&hello.key, sizeof hello.key);
    sent_ = hello.have < ring_.begin ? ring_.begin : hello.have > ring_.end ? ring_.end : hello.have;
    retry_wait_ = kRetryLeast;
    return true;
}

bool SlotInit::take_run()
{
    RunFrame head{};
    if (!payload(head, false))
        return false;
    // One that was seen is good, and done.
    if (head.seq <= seq_ || running_)
        return head.seq <= seq_;
    // The child reads its own copy of these pages; ours are wiped as soon as this returns.
    return start_run(head);
}

bool SlotInit::take_command()
{
    StopFrame stop{};
    LeaseFrame lease{};
    DeadlineFrame deadline{};
    AckFrame ack{};
    if (in_.header.type == FrameType::stop) {
        if (!payload(stop))
            return false;
        begin_ladder(StopCause::stopped, stop.grace_ms);
    } else if (in_.header.type == FrameType::lease) {
        if (!payload(lease) || lease.until_ms > INT64_MAX)
            return false;
        const auto until = static_cast<std::int64_t>(lease.until_ms);
        // What a read stage has left behind does not outlive the lease that it had.
        if (until == 0 && lease_end_ > 0 && !running_)
            kill_rest();
        const std::int64_t left = until < now_ ? 0
            : until - now_ < kLongestLease     ? until - now_
                                               : kLongestLease;
        lease_end_ = left > 0 ? now_ + left : until;
        lease_notice_ = lease_end_ - (left / 4 < kLeaseNotice ? left / 4 : kLeaseNotice);
    } else if (in_.header.type == FrameType::deadline) {
        if (!payload(deadline) || deadline.total_ms > INT32_MAX || deadline.silence_ms > INT32_MAX)
            return false;
        total_ = static_cast<std::int64_t>(deadline.total_ms);
        silence_ = static_cast<std::int64_t>(deadline.silence_ms);
        grace_ = deadline.grace_ms;
        noticed_[0] = noticed_[1] = false;
    } else {
        if (in_.header.type != FrameType::ack || !payload(ack) || ack.offset > ring_.end)
            return false;
        ring_.begin = ack.offset > ring_.begin ? ack.offset : ring_.begin;
        sent_ = sent_ < ring_.begin ? ring_.begin : sent_;
        exit_kept_ = exit_kept_ && ack.seq < exit_.seq;
    }
    return true;
}

void SlotInit::leave() const
{
    ::_exit(running_ ? 128 + SIGKILL : exit_.kind == ExitKind::signalled ? 128 + exit_.code : exit_.code);
}

template <class T> void SlotInit::put_frame(FrameType type, const T& head, std::size_t more)
{
    static_assert(kIsWire<T>);
    const FrameHeader header{.length = static_cast<std::uint32_t>(sizeof head + more), .type = type};
    std::memcpy(tx_, &header, sizeof header);
    std::memcpy(tx_ + sizeof header, &head, sizeof head);
    tx_used_ = sizeof header + header.length;
}

void SlotInit::write_link()
{
    // At most the whole window and what goes with it, then the other descriptors have their turn.
    for (int frames = 0; link_ >= 0 && frames < 24; ++frames) {
        if (tx_sent_ == tx_used_) {
            tx_sent_ = tx_used_ = 0;
            if (!compose())
                return;
        }
        const ssize_t count = ::write(output_of_link(), tx_ + tx_sent_, tx_used_ - tx_sent_);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count < 0)
            return drop_link();
        tx_sent_ += static_cast<std::size_t>(count);
    }
    next_ = link_ >= 0 ? now_ : next_;
}

/// The next frame from what is due; nothing is queued, so nothing can pile up.
bool SlotInit::compose()
{
    if (nonce_due_) {
        nonce_due_ = false;
        std::memcpy(tx_, nonce_, tx_used_ = sizeof nonce_);
        return true;
    }
    if (!ready_sent_) {
        ReadyFrame ready{};
        ready.version = kProtocolVersion;
        ready.running = running_ ? seq_ : 0;
        std::memcpy(ready.key, key_, sizeof key_);
        ready.begin = ring_.begin;
        ready.end = ring_.end;
        ready.now_ms = static_cast<std::uint64_t>(now_);
        ready.last_seq = seq_;
        ready.knows = kKnowsTellExecuted;
        put_frame(FrameType::ready, ready);
        ready_sent_ = true;
        return true;
    }
    if (!admitted_)
        return false;
    for (std::size_t i = 0; i < 2; ++i) {
        if (notice_due_[i]) {
            notice_due_[i] = false;
            put_frame(FrameType::notice, notice_[i]);
            return true;
        }
    }
    if (executed_due_ && !executed_sent_) {
        executed_sent_ = true;
        put_frame(FrameType::executed, ExecutedFrame{.seq = seq_});
        return true;
    }
    output_turn_ = !output_turn_;
    if (output_turn_ && compose_output())
        return true;
    compose_transfer();
    return tx_used_ > 0 || (!output_turn_ && compose_output());
}

bool SlotInit::compose_output()
{
    if (sent_ < ring_.end) {
        const std::uint64_t left = ring_.end - sent_;
        const std::size_t size = left < kMaxChunk ? static_cast<std::size_t>(left) : kMaxChunk;
        put_frame(FrameType::out, OutFrame{.offset = sent_}, size);
        iovec from[2];
        ring_.pieces(from, sent_, size);
        char* to = tx_ + sizeof(FrameHeader) + sizeof(OutFrame);
        std::memcpy(to, from[0].iov_base, from[0].iov_len);
        std::memcpy(to + from[0].iov_len, from[1].iov_base, from[1].iov_len);
        sent_ += size;
        return true;
    }
    if (exit_kept_ && !exit_sent_) {
        exit_sent_ = true;
        put_frame(FrameType::exited, exit_);
        return true;
    }
    return false;
}

void SlotInit::compose_transfer()
{
    Transfer& transfer = transfer_;
    if (transfer.id == 0)
        return;
    const TransferFrame head{.id = transfer.id, .zero = 0};
    if (!transfer.is_put && transfer.credit > 0 && transfer.data >= 0) {
        const std::size_t most = transfer.credit < kMaxChunk ? transfer.credit : kMaxChunk;
        const ssize_t count = ::read(transfer.data, tx_ + sizeof(FrameHeader) + sizeof head, most);
        if (count > 0) {
            transfer.credit -= static_cast<std::uint32_t>(count);
            return put_frame(FrameType::get_data, head, static_cast<std::size_t>(count));
        }
        if (count == 0)
            close_fd(transfer.data);
    }
    if (transfer_over()) {
        std::memcpy(tx_ + sizeof(FrameHeader) + sizeof(TransferEndFrame), transfer.text, transfer.text_size);
        const TransferEndFrame end{.id = transfer.id,
            .failed = transfer.failed,
            .signal = transfer.signal,
            .cause = lease_over() ? StopCause::lease : StopCause::none};
        put_frame(FrameType::transfer_end, end, transfer.text_size);
        return end_transfer();
    }
    if (transfer.is_put && transfer.credit >= kPutWindow / 4) {
        put_frame(FrameType::put_credit, CreditFrame{.id = transfer.id, .bytes = transfer.credit});
        transfer.credit = 0;
    }
}

} // namespace slipway::slot
