#pragma once

#include "test/support/world.h"

#include <signal.h>

#include <chrono>
#include <stdexcept>

namespace slipway::bench {

/// Drains a launcher that holds no stage, and waits for its end. It removes what it keeps idle and what it is
/// just making; of that, a world that kills it learns nothing.
inline void end_launcher(test::World& world)
{
    world.launcher().signal(SIGTERM);
    const auto code = world.launcher().wait(std::chrono::minutes{1});
    if (!code || *code != 0)
        throw std::runtime_error{"the launcher did not end well"};
}

} // namespace slipway::bench
