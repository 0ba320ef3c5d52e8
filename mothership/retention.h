#pragma once

#include "mothership/blob_directory.h"
#include "mothership/control_plane.h"

namespace slipway::mothership {

/// Beyond those that runs still need.
inline constexpr int kSourcesKept = 5;
/// Of each stack.
inline constexpr int kStatesKept = 100;
/// A worker that holds nothing and is silent for this long is no longer listed.
inline constexpr Millis kForgetAfter = 24LL * 3600 * 1000;

/// Lets go of what nothing needs any more: envelopes of runs that are over, old sources, files and states,
/// workers that are gone, grants of which nothing came. Files go after their records are durably gone. Run
/// now and then; thread-safe.
[[nodiscard]] Result<void> tidy(ControlPlane& plane, const BlobDirectory& blobs);

} // namespace slipway::mothership
