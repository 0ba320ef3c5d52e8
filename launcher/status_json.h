#pragma once

#include "launcher/status.h"
#include "launcher/tally.h"

#include <string>

namespace slipway::launcher {

/// What does not change while the process lives.
struct LauncherFacts {
    std::string version;
    std::string url; ///< Of the control plane.
    std::string pool_id;
    std::string instance_id;
    int pid = 0;
};

/// The answer to a control request and what `status --json` prints: a published form, to which members may be
/// added. Times in milliseconds, sizes in bytes.
[[nodiscard]] std::string status_json(const EngineStatus& status, const LauncherFacts& facts);

/// The answer to GET /metrics: Prometheus' text format 0.0.4.
[[nodiscard]] std::string metrics_text(
    const EngineStatus& status, const Tally& tally, const LauncherFacts& facts);

} // namespace slipway::launcher
