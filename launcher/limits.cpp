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
    return {
        .run = smaller(limits.run, assignment.limits.run),
        .silence = smaller(limits.silence, assignment.limits.silence),
        .grace = assignment.kind == protocol::StageKind::write ? limits.write_grace : limits.grace,
    };
}

Millis longest_run(const StageBounds& bounds)
{
    const Millis ladder = bounds.grace + kTermToKill + kDrain;
    return bounds.run + ladder + kLastWords + ladder;
}

std::string in_words(Millis time) { return format_duration(std::chrono::milliseconds{time}); }

} // namespace slipway::launcher
