#pragma once

#include "common/result.h"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::launcher {

/// What a policy says of a stage.
struct PolicyVerdict {
    std::vector<std::string> denials; ///< The texts of `deny`; empty: the stage may run.
    bool sample = false; ///< The policy wants its input and its result to be shown.
    std::string result; ///< All rules of the package with their values, as JSON.
};

/// Asks a policy; gives the texts of its denials, none when the stage may run. `input` as `policy_input`
/// makes it. Any thread. Fails with `invalid_input` when the policy is at fault, with another code when this
/// machine is.
using PolicyCheck
    = std::function<Result<std::vector<std::string>>(const std::string& input, std::stop_token stop)>;

} // namespace slipway::launcher
