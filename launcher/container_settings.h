#pragma once

#include "common/protocol/assignment.h"
#include "docker-client/docker.h"
#include "launcher/engine_settings.h"
#include "launcher/slot/slot.h"

#include <stop_token>
#include <string>
#include <vector>

namespace slipway::launcher {

/// What the operator says of the containers of all jobs.
struct ContainerSettings {
    std::string network; ///< Empty: the engine's default.
    std::string runtime; ///< Likewise.
    JobResources job;
    std::vector<ExtraMount> mounts;
    JobMetadata metadata = JobMetadata::allow;
};

/// Whether each container gets a network of its own, named as it is.
[[nodiscard]] bool has_own_network(const ContainerSettings& settings);

/// Whether containers of stages that apply differ from the others'.
[[nodiscard]] bool depends_on_stage(const ContainerSettings& settings);

/// Gives a slot what the operator says and, where the assignment asks for less, less. `applies`: the stage is
/// an apply, for the classes of mounts. Labels, name and image are left alone.
void fill(slot::SlotSpec& spec, const ContainerSettings& settings, const protocol::StageLimits& limits,
    bool applies);

/// What the container that is tried out is known by, so that one that a crash leaves behind is found.
struct ProbeMarks {
    std::string name; ///< Empty: as the engine likes.
    docker::StringPairs labels;
};

/// Asks Docker whether such containers can be: whether it knows network and runtime, and takes mounts,
/// capabilities, security options and limits. The last by making a container of an empty image, which is
/// never started; only where any of them is set. Fails with `not_found` on what Docker lacks and
/// `invalid_input` on what it refuses, naming variable and remedy; otherwise as the calls.
[[nodiscard]] Result<void> check_containers(
    const ContainerSettings& settings, docker::Docker& docker, const ProbeMarks& marks, std::stop_token stop);

} // namespace slipway::launcher
