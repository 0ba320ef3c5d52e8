#pragma once

#include "launcher/slot-init/frames.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace slipway::slot {

/// The slot's connection is authenticated; commands can be sent.
struct Ready {
    std::uint32_t last_seq
        = 0; ///< Newest run that slot-init took; one that was sent and is above it never arrived.
    std::uint32_t running = 0; ///< The run that runs now, or 0.
    std::uint64_t output_begin
        = 0; ///< Oldest output byte still kept there; above what was had: the rest is lost.
    std::uint64_t output_end = 0;
};

/// Output in order, without a gap and nothing twice for one `Slot` object; `offset` counts from the slot's
/// first byte. After `adopt` it goes on where that said. It is kept by slot-init until `Slot::ack`.
struct Output {
    std::uint64_t offset = 0;
    std::string bytes;
};

/// The command of a run was executed, see `RunSpec::tell_executed`. Repeated after each connection.
struct Executed {
    std::uint32_t seq = 0;
};

/// A run is over and all of its output was delivered before. Repeated after each connection until
/// `Slot::ack`.
struct Exited {
    std::uint32_t seq = 0;
    ExitKind kind = ExitKind::exited;
    int code = 0; ///< Exit code or signal number.
    StopCause cause = StopCause::none;
    std::uint32_t oom_kills = 0;
    bool swept = false; ///< What the run left behind held its output open and was killed.
    bool never_executed = false; ///< There is no such command, user or directory; the output says why.
    std::uint64_t output_end = 0;

    /// As a shell shows it: 128 + signal for a signal.
    [[nodiscard]] int shell_code() const noexcept { return kind == ExitKind::exited ? code : 128 + code; }
};

/// 80 % of a limit have passed.
struct Notice {
    NoticeKind kind = NoticeKind::total;
    std::uint32_t seq = 0;
    std::chrono::milliseconds elapsed{0};
    std::chrono::milliseconds limit{0};
};

/// The connection broke; the container may be gone or connect again by itself (then `Ready`). Ask Docker
/// which.
struct Disconnected {
    std::string reason;
};

using Event = std::variant<Ready, Output, Executed, Exited, Notice, Disconnected>;

[[nodiscard]] std::string_view to_string(StopCause cause) noexcept;

} // namespace slipway::slot
