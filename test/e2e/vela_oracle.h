#pragma once

#include "test/e2e/vela_generator.h"

#include <map>
#include <optional>
#include <string>

namespace slipway::test {

/// How a step of a drawn pipeline must end.
struct ForetoldStep {
    std::string row; ///< As VelaLab::step says it.
    std::optional<std::string> log; ///< Nothing: whatever it is.
};

struct ForetoldBuild {
    std::string status;
    std::map<std::string, ForetoldStep> steps; ///< By name.
};

/// What the original makes of a pipeline for a push to the branch "main", told from its documented rules; it
/// shares no code with the worker.
[[nodiscard]] ForetoldBuild foretell(const DrawnPipeline& pipeline);

} // namespace slipway::test
