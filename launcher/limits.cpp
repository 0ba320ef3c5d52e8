#include "launcher/limits.h"

#include "common/duration.h"

#include <algorithm>
#include <chrono>

namespace slipway::launcher {

namespace {

using protocol::Millis;

Millis smaller(Millis ours, Millis asked) { return asked == 0 ? ours : std::min(ours, asked); }

} // namespace

StageBounds bounds_of(const Limits& limits, const protocol::Assignment& assignment)
{
    const Millis run = smaller(limits.run, assignment.limits.run);
    const bool undoes = std::ranges::any_of(assignment.phases, &protocol::Phase::always);
    return {
        .run = run,
        .silence = smaller(limits.silence, assignment.limits.silence),
        .grace = assignment.kind == protocol::StageKind::write ? limits.write_grace : limits.grace,
        .after = undoes ? std::max(run, kLastWords) : kLastWords,
    };
}

Millis longest_run(const StageBounds& bounds)
{
    const Millis ladder = bounds.grace + kTermToKill + kDrain;
    return bounds.run + ladder + bounds.after + ladder;
}

std::string in_words(Millis time) { return format_duration(std::chrono::milliseconds{time}); }

} // namespace slipway::launcher
