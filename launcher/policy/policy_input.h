#pragma once

#include "common/protocol/assignment.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// The worker that is to run the stage.
struct PolicyWorker {
    std::string pool;
    std::string hostname;
    std::string version; ///< Of the launcher.
    std::vector<std::pair<std::string, std::string>> metadata; ///< Its tags.
};

/// What a policy decides upon, as JSON; docs/policy.md is its description. It names variables and files and
/// holds no value of them, since a value may be a secret. `image`: the name that would be used.
[[nodiscard]] std::string policy_input(
    const protocol::Assignment& assignment, std::string_view image, const PolicyWorker& worker);

} // namespace slipway::launcher
