#pragma once

#include "test/support/vela_server.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slipway::test {

/// A build as the original worker ran it for the original server (test/e2e/vela_recorded): what it was given,
/// and every request it made, each body once, times aside.
struct VelaRecording {
    std::string build; ///< JSON of the queue item's build.
    std::string pipeline;
    std::map<std::string, std::string> secrets; ///< JSON, by path.
    std::vector<std::pair<std::string, std::string>> logs; ///< As they were at the end, by "steps/2".
    std::vector<VelaRequest> requests;
};

/// `renamed`: what of the recording's names is called otherwise here, the most special first. Throws.
[[nodiscard]] VelaRecording read_vela_recording(
    const std::string& name, const std::vector<std::pair<std::string, std::string>>& renamed);

/// How a worker's requests differ from another's: which of them it does not make, which it makes as well, and
/// for each that both make its token and content type, the way its status goes, and every field of its body.
/// Ids and times count as such only. "PUT step: error: …".
[[nodiscard]] std::vector<std::string> vela_differences(
    const std::vector<VelaRequest>& theirs, const std::vector<VelaRequest>& ours);

} // namespace slipway::test
