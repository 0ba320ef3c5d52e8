#pragma once

#include "launcher/slot-init/cobs.h"
#include "launcher/slot-init/complain.h"
#include "launcher/slot-init/frames.h"

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace slipway::slot {

/// Bytes numbered from 0; those in [begin, end) are kept.
template <std::size_t Size> struct Ring {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    char bytes[Size];

    [[nodiscard]] std::size_t used() const { return static_cast<std::size_t>(end - begin); }

    [[nodiscard]] std::size_t free() const { return Size - used(); }

    /// The place of [from, from + size) in two pieces, the second one empty as a rule.
    void pieces(iovec (&to)[2], std::uint64_t from, std::size_t size)
    {
        const std::size_t at = static_cast<std::size_t>(from % Size);
        const std::size_t first = size < Size - at ? size : Size - at;
        to[0] = {bytes + at, first};
        to[1] = {bytes, size - first};
    }
};

inline void close_fd(int& fd)
{
    if (fd >= 0)
        ::close(fd);
    fd = -1;
}

/// PID 1 of a slot: one poll loop over the launcher's connection, the child's output and a transfer. Times
/// are milliseconds of CLOCK_BOOTTIME. Lives in static memory; large arrays are left as they are, so that an
/// idle slot costs no pages for them.
class SlotInit {
public:
    /// Null: stdin and stdout in place of a socket.
    [[noreturn]] void run(const char* socket_path);

private:
    friend struct SlotInitFuzz;
    /// Without a launcher: how long the end of a stage without a lease is kept for it.
    static constexpr std::int64_t kAwaitedEnd = 24 * 60 * 60 * 1000;
    static constexpr std::int64_t kRetryLeast = 10;
    static constexpr std::int64_t kRetryMost = 1000;
    /// For what holds the output open after the child's end.
    static constexpr std::int64_t kDrainTime = 2000;
    static constexpr std::int64_t kTermTime = 10'000;
    static constexpr std::int64_t kGroupLook = 200;
    static constexpr std::int64_t kLongestLease = INT32_MAX;
    static constexpr std::int64_t kLeaseNotice = 10'000; ///< INT before the lease's end, at most.

    enum class Step : std::uint8_t { none, interrupted, terminated, killed };

    struct Transfer {
        std::uint32_t id = 0; ///< 0: none.
        bool is_put = false;
        bool ended = false; ///< put: `put_end` came; get: the archive's end was read.
        pid_t pid = -1;
        int data = -1;
        int text_pipe = -1;
        std::uint32_t failed = 0; ///< As in TransferEndFrame.
        int signal = 0; ///< That killed the child.
        std::uint32_t credit = 0; ///< get: may be sent; put: to be granted.
        std::uint32_t text_size = 0;
        char text[kMaxText] = {}; ///< The last of what the child said: an error is its last line.
    };

    // slot_init.cpp: the loop, children and limits
    void poll_once();
    void handle_signals();
    void reap(pid_t pid, int status);
    bool start_run(const RunFrame& run);
    void note_executed();
    void end_run(int status, StopCause cause);
    void read_output();
    void tick();
    void tick_run();
    void tick_ladder(bool total);
    bool limit_due(std::int64_t since, std::int64_t limit, NoticeKind kind);
    bool due(std::int64_t when);
    void begin_ladder(StopCause cause, std::int64_t grace);
    [[nodiscard]] bool signal_group(int number) const;
    void kill_rest();
    [[nodiscard]] std::uint32_t oom_kills() const;

    [[nodiscard]] bool lease_over() const { return lease_end_ > 0 && now_ >= lease_end_; }

    [[nodiscard]] bool total_over() const
    {
        return total_ > 0 && first_run_ > 0 && now_ - first_run_ >= total_;
    }

    // link.cpp: the connection
    void connect_link();
    void drop_link();
    void retry_later();
    void reset_link();
    void read_link();
    void read_socket();
    void end_frame();

    /// Of what is being read; the header's own until it is whole.
    [[nodiscard]] std::size_t frame_size() const
    {
        return sizeof in_.header + (rx_used_ < sizeof in_.header ? 0 : in_.header.length);
    }

    bool take_frame();
    bool take_hello();
    bool take_run();
    bool take_command();
    [[noreturn]] void leave() const;
    void write_link();
    bool compose();
    bool compose_output();
    void compose_transfer();
    template <class T> void put_frame(FrameType type, const T& head, std::size_t more = 0);

    template <class T> bool payload(T& head, bool exact = true) const
    {
        static_assert(kIsWire<T>);
        if (in_.header.length < sizeof head || (exact && in_.header.length != sizeof head))
            return false;
        std::memcpy(&head, in_.payload, sizeof head);
        return true;
    }

    // stdio.cpp
    void read_stdin();
    bool take_attach();

    [[nodiscard]] int output_of_link() const { return socket_path_ == nullptr && link_ >= 0 ? 1 : link_; }

    // transfer.cpp
    void start_transfer(bool is_put);
    bool take_transfer_frame();
    void pump_transfer();
    void end_transfer();
    [[nodiscard]] bool transfer_over() const;

    const char* socket_path_ = nullptr;
    int signals_ = -1;
    int timer_ = -1;
    int oom_ = -1;
    std::int64_t now_ = 0;
    std::int64_t next_ = 0;
    std::int64_t armed_ = -1;

    int link_ = -1;
    bool admitted_ = false; ///< `hello` came on this connection.
    bool ready_sent_ = false;
    bool nonce_due_ = false; ///< stdin: `attach` came, and its nonce is not sent yet.
    std::uint8_t nonce_[kNonceSize] = {};
    CobsDecoder cobs_;
    std::int64_t heard_ = 0;
    bool has_key_ = false;
    std::uint8_t key_[kKeySize] = {};
    std::int64_t away_since_ = 0;
    std::int64_t retry_at_ = 0;
    std::int64_t retry_wait_ = kRetryLeast;
    std::size_t rx_used_ = 0; ///< Bytes of the header and payload that are here.
    std::size_t tx_used_ = 0;
    std::size_t tx_sent_ = 0;
    bool output_turn_ = false;

    std::uint64_t sent_ = 0;
    pid_t child_ = -1; ///< Not reaped yet.
    pid_t group_ = -1;
    int output_ = -1; ///< Our end of the pipe.
    int job_end_ = -1; ///< The job's end, held while the command lives.
    bool running_ = false; ///< From the run frame to the exit record.
    int status_ = 0;
    std::uint32_t seq_ = 0;
    std::uint32_t oom_before_ = 0;
    std::int64_t drain_since_ = 0;
    bool rest_killed_ = false;
    int exec_ = -1; ///< Ends when the command was executed, or never will be.
    bool executed_due_ = false; ///< The launcher wants to know it, and may.
    bool executed_sent_ = false; ///< On this connection.
    bool* not_executed_ = nullptr; ///< Said by a child in place of exec; shared with it, and with no command.
    bool swept_ = false; ///< Something held the output open after the command's end.
    ExitedFrame exit_{};
    bool exit_kept_ = false;
    bool exit_sent_ = false;

    std::int64_t first_run_ = 0;
    std::int64_t last_output_ = 0;
    std::int64_t total_ = 0;
    std::int64_t silence_ = 0;
    std::int64_t grace_ = 30'000;
    std::int64_t lease_end_ = 0; ///< 0: no lease.
    std::int64_t lease_notice_ = 0;
    bool noticed_[2] = {};
    bool notice_due_[2] = {};
    NoticeFrame notice_[2] = {};
    Step step_ = Step::none;
    std::int64_t step_at_ = 0;
    StopCause cause_ = StopCause::none;

    Transfer transfer_;
    Ring<kOutputWindow> ring_;
    Ring<kPutWindow> put_;

    struct {
        FrameHeader header;
        char payload[kMaxPayload];
    } in_;

    char tx_[sizeof(FrameHeader) + kMaxReply];
};

} // namespace slipway::slot
