#pragma once

#include "common/random.h"
#include "common/result.h"
#include "docker-client/docker.h"

#include <stop_token>
#include <string>

namespace slipway::slot {

/// An image of ours with nothing in it, made when it is not there. Returns its id.
[[nodiscard]] Result<std::string> empty_image(docker::Docker& docker, std::stop_token stop);

/// A volume of the engine that holds slot-init and nothing else, for containers that see no directory of this
/// machine. Made and filled once an engine and a version; its name is told by what it holds. `labels`: of the
/// container that is needed for a moment. Returns the name.
[[nodiscard]] Result<std::string> fill_init_volume(
    docker::Docker& docker, const docker::StringPairs& labels, Random& random, std::stop_token stop);

} // namespace slipway::slot
