#pragma once

#include "test/model/world.h"

#include <cstddef>

namespace slipway::model {

struct Report {
    std::size_t states = 0;
    std::size_t depth = 0; ///< Moves to the furthest state that was visited.
    bool complete = false; ///< Nothing was left beyond the limits.
    double seconds = 0; ///< CPU time.
    std::string broken; ///< The promise that does not hold; empty: all hold.
    std::vector<std::string> trace; ///< The shortest way there.
};

struct Limits {
    std::size_t depth = 100;
    std::size_t states = 3'000'000;
    unsigned fair_every = 64; ///< One in so many states is followed to its fair end.
};

/// Visits each state that can be reached from the first one, nearest first, until a promise breaks.
[[nodiscard]] Report explore(const Settings& settings, const Core& core, const Limits& limits);

/// Follows `walks` random ways of `limits.depth` moves each, then their fair ends: further than `explore` can
/// look, but not everywhere. The same `seed` takes the same ways.
[[nodiscard]] Report wander(
    const Settings& settings, const Core& core, std::size_t walks, Limits limits, std::uint64_t seed);

} // namespace slipway::model
