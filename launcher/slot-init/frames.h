#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

/// The conversation between the launcher and slot-init, PID 1 of a job's container. Both are built from this
/// file.
///
/// A frame is a `FrameHeader` and `length` bytes of payload, native byte order (both ends run on one
/// machine). Fixed payloads are the structs below; what follows a struct is said at its frame. "text" is
/// bytes ended by NUL.
///
/// slot-init connects to the launcher's socket and sends `ready`; the launcher answers `hello`; then both
/// speak freely. After a lost connection slot-init connects again and the same exchange resumes the stream. A
/// frame that breaks a rule ends the connection, never the job.
///
/// Where no socket reaches into the container the same frames travel over its stdin and stdout, where nobody
/// sees who is attached. On stdin each frame is encoded without a zero byte (COBS: Cheshire and Baker,
/// "Consistent Overhead Byte Stuffing", 1999) and ends with one, so that what one launcher left unfinished
/// ends with the first byte of the next one and counts for nothing. A connection begins with `attach` there,
/// and on stdout with its nonce: what came before is older.
namespace slipway::slot {

/// slot-init speaks one version and says which in `ready`; a launcher speaks every version from the oldest on
/// that a slot of an upgraded launcher may still run. A new frame or field that is sent only to who knows it
/// needs no new version; a change of what an old one means does, and the launcher then speaks both. A slot of
/// a newer launcher is refused in words and runs on: a downgrade waits for its end.
inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::uint32_t kOldestProtocol = 1;
inline constexpr std::size_t kKeySize = 32;
inline constexpr std::size_t kNonceSize = 32;
/// Output that was not acknowledged and is kept; when it is full the job blocks in write(2).
inline constexpr std::size_t kOutputWindow = 1024 * 1024;
/// Bytes of `put_data` that may be under way without a `credit`.
inline constexpr std::uint32_t kPutWindow = 256 * 1024;
/// Largest piece of bytes in `out`, `put_data` and `get_data`.
inline constexpr std::uint32_t kMaxChunk = 64 * 1024;
/// Largest payload to slot-init: a `run` with its environment.
inline constexpr std::uint32_t kMaxPayload = 2 * 1024 * 1024;
/// Largest payload from slot-init.
inline constexpr std::uint32_t kMaxReply = kMaxChunk + 64;
/// Largest text of `transfer_end`: the last of what was said.
inline constexpr std::uint32_t kMaxText = 1024;
/// On stdin: a launcher says something at least this often, be it an `ack` of nothing; one that was silent
/// for `kSilence` counts as away.
inline constexpr std::uint32_t kBeat = 10'000;
inline constexpr std::uint32_t kSilence = 45'000;
#ifndef SLIPWAY_SLOT_IDLE_END_MS // a build for the test of it has a shorter one
#define SLIPWAY_SLOT_IDLE_END_MS 600'000
#endif
/// Without a launcher: an idle slot's life, and that of one whose lease is over, from then on.
inline constexpr std::int64_t kIdleEnd = SLIPWAY_SLOT_IDLE_END_MS;
/// slot-init's argument for stdin and stdout in place of the socket.
inline constexpr char kStdioArgument[] = "stdio";
/// The container's paths of slot-init and of the socket.
inline constexpr char kSlotMount[] = "/.slipway";
inline constexpr char kSocketName[] = "s";
inline constexpr char kInitName[] = "slot-init";

enum class FrameType : std::uint32_t {
    // launcher to slot-init
    hello = 1, ///< HelloFrame. Answers `ready`; the first one brings the key, later ones must repeat it.
    run = 2, ///< RunFrame, text user, text cwd, argc texts, envc texts. Runs once per seq; one run at a time.
    stop = 4, ///< StopFrame. INT to the run's process group, grace, TERM, 10 s, KILL to everything.
    lease = 5, ///< LeaseFrame. Replaces the former lease.
    deadline = 6, ///< DeadlineFrame. Replaces the former limits.
    ack = 7, ///< AckFrame. What is acknowledged is forgotten.
    bye = 8, ///< Nothing. slot-init exits with the last run's code, 128 + signal for a signal, 137 in a run.
    put = 9, ///< TransferFrame, text user, text directory. A tar archive follows in `put_data`.
    put_data = 10, ///< TransferFrame, bytes.
    put_end = 11, ///< TransferFrame. Answered by `transfer_end`.
    get
    = 12, ///< TransferFrame, text user, text directory or file. Answered by `get_data` and `transfer_end`.
    credit = 13, ///< CreditFrame. get: that many more bytes may be sent. (First none.)
    cancel = 14, ///< TransferFrame. Ends the transfer without an answer.
    attach = 15, ///< AttachFrame, on stdin only: a connection begins. Answered by the nonce, then `ready`.
    // slot-init to launcher
    ready = 64, ///< ReadyFrame. First frame of every connection.
    out = 65, ///< OutFrame, bytes of the job's output.
    exited
    = 66, ///< ExitedFrame. After the last byte of that run; repeated on every connection until acknowledged.
    notice = 67, ///< NoticeFrame. A limit is at 80 %.
    put_credit = 68, ///< CreditFrame. That many more bytes may be sent.
    get_data = 69, ///< TransferFrame, bytes of the tar archive.
    transfer_end = 70, ///< TransferEndFrame, text without NUL: the error, or notes on what was skipped.
    executed = 71, ///< ExecutedFrame, for a run that asked (kTellExecuted). Repeated on every connection.
};

struct FrameHeader {
    std::uint32_t length;
    FrameType type;
};

struct HelloFrame {
    std::uint8_t key[kKeySize];
    std::uint64_t have; ///< The launcher holds the output up to here: go on from it. Acknowledges nothing.
};

struct AttachFrame {
    std::uint8_t nonce[kNonceSize]; ///< Fresh for each; nothing that a job writes can hold it.
};

/// `ReadyFrame::knows`: the flag of the same name.
inline constexpr std::uint32_t kKnowsTellExecuted = 1;
/// `RunFrame::flags`, for who knows it: `executed` is wanted. Without it a run's first word may be its end.
inline constexpr std::uint32_t kTellExecuted = 1;

struct RunFrame {
    std::uint32_t seq; ///< From 1, growing. One that was seen is ignored; a new one acknowledges older exits.
    std::uint32_t flags; ///< kTellExecuted, or 0.
    std::uint32_t argc;
    std::uint32_t envc;
};

struct StopFrame {
    std::uint32_t grace_ms;
};

struct LeaseFrame {
    /// By slot-init's clock, see `ReadyFrame::now_ms`; not from the receipt, since a frozen container
    /// receives late. INT comes a little before (at most 10 s), KILL then; nothing starts or lives on after
    /// it. 0: no lease, nothing ends (stages that write).
    std::uint64_t until_ms;
};

struct DeadlineFrame {
    std::uint64_t total_ms; ///< From the first run's start. 0: no limit.
    std::uint64_t silence_ms; ///< Without output while the output was not held up. 0: no limit.
    std::uint32_t grace_ms; ///< Of the ladder.
    std::uint32_t zero;
};

struct AckFrame {
    std::uint64_t offset; ///< Output before it is safe with the launcher.
    std::uint32_t seq; ///< Exits up to this run are, too.
    std::uint32_t zero;
};

struct TransferFrame {
    std::uint32_t
        id; ///< Chosen by the launcher; frames of another transfer than the current one are ignored.
    std::uint32_t zero;
};

struct CreditFrame {
    std::uint32_t id;
    std::uint32_t bytes;
};

struct ReadyFrame {
    std::uint32_t version;
    std::uint32_t running; ///< The seq that runs now, or 0.
    std::uint8_t key[kKeySize]; ///< Zeroes before the first hello.
    std::uint64_t begin; ///< The oldest output byte that is kept.
    std::uint64_t end; ///< One past the newest.
    std::uint64_t
        now_ms; ///< slot-init's clock, CLOCK_BOOTTIME; not the host's where a container has its own.
    std::uint32_t last_seq; ///< The newest run that was taken, 0 for none.
    std::uint32_t knows; ///< Bits of what came later than the version: kKnowsTellExecuted.
};

struct ExecutedFrame {
    std::uint32_t seq; ///< Its command runs; what stood in the way of it would have been its end.
};

struct OutFrame {
    std::uint64_t offset; ///< Of the first byte, counted from the slot's first output.
};

enum class ExitKind : std::uint32_t { exited = 0, signalled = 1 };
/// `ExitedFrame::notes`: what the command left behind held the output open and was killed.
inline constexpr std::uint32_t kSwept = 1;
/// The same: the command was never executed; the output says why.
inline constexpr std::uint32_t kNeverExecuted = 2;

enum class StopCause : std::uint32_t { none = 0, lease = 1, deadline = 2, silence = 3, stopped = 4 };

struct ExitedFrame {
    std::uint32_t seq;
    ExitKind kind;
    std::int32_t
        code; ///< The exit code or the signal's number. 125: could not be prepared, 126/127: as a shell says.
    StopCause cause; ///< Why it was stopped; `none` when it ended by itself.
    std::uint32_t oom_kills; ///< Processes that the kernel killed for memory meanwhile.
    std::uint32_t notes; ///< Some of the bits below. A launcher that does not know one passes it over.
    std::uint64_t end; ///< The output's end.
};

enum class NoticeKind : std::uint32_t { total = 0, silence = 1 };

struct NoticeFrame {
    NoticeKind kind;
    std::uint32_t seq;
    std::uint64_t elapsed_ms;
    std::uint64_t limit_ms;
};

/// `TransferEndFrame::failed`, and the exit code of what moved the files: whatever other number it is, it
/// failed.
inline constexpr std::uint32_t kMoveFailed = 1;
inline constexpr std::uint32_t kMoveNoRoom = 2; ///< The disk is full, or no process or pipe is to be had.
inline constexpr std::uint32_t kMoveAbsent = 3; ///< get: nothing has that name.

struct TransferEndFrame {
    std::uint32_t id;
    std::uint32_t failed; ///< 0, or one of the above.
    std::int32_t signal; ///< That ended what moved the files, or 0.
    StopCause cause; ///< `lease`: the slot's lease is over, nothing starts or lives on in it.
};

/// Structs go over the wire as they are: no padding, nothing but numbers.
template <class T>
inline constexpr bool kIsWire
    = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;
static_assert(kIsWire<FrameHeader> && kIsWire<HelloFrame> && kIsWire<RunFrame> && kIsWire<LeaseFrame>);
static_assert(kIsWire<AttachFrame> && kIsWire<DeadlineFrame> && kIsWire<AckFrame> && kIsWire<ReadyFrame>
    && kIsWire<ExitedFrame> && kIsWire<ExecutedFrame>);
static_assert(
    kIsWire<NoticeFrame> && kIsWire<TransferFrame> && kIsWire<CreditFrame> && kIsWire<TransferEndFrame>);

} // namespace slipway::slot
