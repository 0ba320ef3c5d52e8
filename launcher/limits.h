#pragma once

#include "common/protocol/assignment.h"
#include "launcher/engine_settings.h"

#include <string>

namespace slipway::launcher {

/// Between TERM and KILL at the end of the ladder INT, grace, TERM, KILL.
inline constexpr protocol::Millis kTermToKill = 10'000;

/// For the output that processes hold open after the end of a command, before they are killed.
inline constexpr protocol::Millis kDrain = 15'000;

/// For the hooks that run after the run limit has struck; a phase that undoes what a stage made has the run
/// limit again.
inline constexpr protocol::Millis kLastWords = 60'000;

/// What holds for one stage: what the launcher is configured for, and never more than the assignment says.
struct StageBounds {
    protocol::Millis run = 0;
    protocol::Millis silence = 0;
    protocol::Millis grace = 0;
    protocol::Millis after = 0; ///< For what runs after the run limit has struck.
};

[[nodiscard]] StageBounds bounds_of(const Limits& limits, const protocol::Assignment& assignment);

/// When a write stage is over for certain, counted from its start: run limit and ladder, then the hooks that
/// run after it and their ladder. Sent with the accept.
[[nodiscard]] protocol::Millis longest_run(const StageBounds& bounds);

/// "1h10m0s", for sentences.
[[nodiscard]] std::string in_words(protocol::Millis time);

} // namespace slipway::launcher
