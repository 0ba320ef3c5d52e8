#pragma once

#include "common/protocol/assignment.h"
#include "launcher/job_host.h"
#include "launcher/journal.h"
#include "launcher/limits.h"

#include <string>
#include <string_view>

namespace slipway::launcher {

/// In whose name a stage is stopped.
enum class StoppedBy : std::uint8_t {
    request, ///< Of the control plane, or since the launcher ends.
    operator_here, ///< Of this machine: slipway-launcher stop.
};

/// "on request", or who it was.
[[nodiscard]] std::string_view to_string(StoppedBy by) noexcept;

/// What the end of a command means for its stage, in words for people. `Outcome::none` when it succeeded, so
/// that the next phase follows.
[[nodiscard]] StageEnd end_of(std::string_view unit, const SlotExit& exit,
    const protocol::Assignment& assignment, const StageBounds& bounds, StoppedBy by = StoppedBy::request);

/// The same when no shell of the image ran the unit's commands; `exit` is how the attempt ended.
[[nodiscard]] StageEnd no_shell_end(
    std::string_view unit, const SlotExit& exit, const protocol::Assignment& assignment);

/// The stage could not be brought to its first command. `cause` as in protocol::StateReport.
[[nodiscard]] StageEnd never_started(std::string_view cause, const Error& error);

/// Someone wanted it to end. `began`: a command was running.
[[nodiscard]] StageEnd stopped_end(bool killed, bool began, StoppedBy by = StoppedBy::request);

/// What became of it is not known; `words` say why.
[[nodiscard]] StageEnd unknown_end(std::string words);

/// The container is gone.
[[nodiscard]] StageEnd lost_end(std::string_view why);

/// The last line of the log: nothing for a success.
[[nodiscard]] std::string last_words(const StageEnd& end);

} // namespace slipway::launcher
