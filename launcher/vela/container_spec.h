#pragma once

#include "launcher/slot/slot.h"
#include "launcher/vela/build_host.h"

namespace slipway::vela {

/// The container of a build as the engine is told it: in the network and with the volume of its place, with
/// Docker's own capabilities and limits.
[[nodiscard]] slot::SlotSpec container_spec(
    const ContainerWish& wish, const BuildHostSettings& settings, docker::StringPairs labels);

} // namespace slipway::vela
