#include "launcher/slot-init/exec/child.h"
#include "launcher/slot-init/slot_init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

void SlotInit::start_transfer(bool is_put)
{
    int data[2] = {-1, -1};
    int text[2] = {-1, -1};
    transfer_.is_put = is_put;
    pid_t pid = -1;
    if (::pipe2(data, O_CLOEXEC) == 0 && ::pipe2(text, O_CLOEXEC) == 0)
        pid = ::fork();
    if (pid == 0) {
        // For a child that works as the job's user.
        ::explicit_bzero(key_, sizeof key_);
        move_files(is_put, in_.payload + sizeof(TransferFrame), in_.header.length - sizeof(TransferFrame),
            data[is_put ? 0 : 1], text[1]);
    }
    if (pid < 0) {
        complain(text[1], "no process can be made for the files", nullptr, errno);
        transfer_.failed = kMoveNoRoom; // the machine's want, no fault of the files
    }
    ::close(data[is_put ? 0 : 1]);
    ::close(text[1]);
    transfer_.pid = pid;
    transfer_.data = data[is_put ? 1 : 0];
    transfer_.text_pipe = text[0];
    (void)::fcntl(transfer_.data, F_SETFL, O_NONBLOCK);
    (void)::fcntl(transfer_.text_pipe, F_SETFL, O_NONBLOCK);
}

bool SlotInit::take_transfer_frame()
{
    TransferFrame head{};
    if (!payload(head, false))
        return false;
    const FrameType type = in_.header.type;
    if (type == FrameType::put || type == FrameType::get) {
        if (transfer_.id != 0 || head.id == 0)
            return false;
        transfer_.id = head.id;
        start_transfer(type == FrameType::put);
        return true;
    }
    if (head.id != transfer_.id)
        return true;
    const std::size_t size = in_.header.length - sizeof head;
    if (type == FrameType::put_data) {
        if (!transfer_.is_put || transfer_.ended || size > put_.free())
            return false;
        iovec to[2];
        put_.pieces(to, put_.end, size);
        std::memcpy(to[0].iov_base, in_.payload + sizeof head, to[0].iov_len);
        std::memcpy(to[1].iov_base, in_.payload + sizeof head + to[0].iov_len, to[1].iov_len);
        put_.end += size;
    } else if (type == FrameType::put_end) {
        transfer_.ended = true;
    } else if (type == FrameType::credit) {
        CreditFrame credit{};
        if (!payload(credit) || transfer_.is_put || credit.bytes > INT32_MAX - transfer_.credit)
            return false;
        transfer_.credit += credit.bytes;
    } else if (type == FrameType::cancel) {
        end_transfer();
    } else {
        return false;
    }
    return true;
}

void SlotInit::pump_transfer()
{
    Transfer& transfer = transfer_;
    char part[256];
    for (ssize_t count = 1; transfer.text_pipe >= 0 && count > 0;) {
        count = ::read(transfer.text_pipe, part, sizeof part);
        const std::size_t size = count > 0 ? static_cast<std::size_t>(count) : 0;
        const std::size_t whole = transfer.text_size + size;
        const std::size_t over = whole > sizeof transfer.text ? whole - sizeof transfer.text : 0;
        std::memmove(transfer.text, transfer.text + over, transfer.text_size - over);
        std::memcpy(transfer.text + transfer.text_size - over, part, size);
        transfer.text_size = static_cast<std::uint32_t>(whole - over);
        if (count == 0)
            close_fd(transfer.text_pipe);
    }
    while (transfer.is_put && transfer.data >= 0 && put_.used() > 0) {
        iovec from[2];
        put_.pieces(from, put_.begin, put_.used());
        const ssize_t count = ::writev(transfer.data, from, 2);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count < 0) {
            // The child has given up; what it said comes by the other pipe.
            close_fd(transfer.data);
            break;
        }
        put_.begin += static_cast<std::uint64_t>(count);
        transfer.credit += static_cast<std::uint32_t>(count);
    }
    if (transfer.is_put && transfer.ended && put_.used() == 0 && transfer.data >= 0)
        close_fd(transfer.data);
}

bool SlotInit::transfer_over() const
{
    return transfer_.pid < 0 && transfer_.text_pipe < 0
        && (transfer_.is_put || transfer_.data < 0 || transfer_.failed != 0);
}

void SlotInit::end_transfer()
{
    if (transfer_.pid > 0)
        (void)::kill(transfer_.pid, SIGKILL);
    close_fd(transfer_.data);
    close_fd(transfer_.text_pipe);
    transfer_ = {};
    put_.begin = put_.end = 0;
}

} // namespace slipway::slot
