#pragma once

#include "common/protocol/assignment.h"
#include "mothership/work.h"

namespace slipway::mothership {

/// Grants of a read stage that were accepted before its run fails, when each was lost.
inline constexpr int kMaxAttempts = 3;

/// The one way in which a stage's fence, lease, offer, end or log offset changes: asks the protocol core,
/// writes what it says on condition of what was read, and moves the run on. `report`: what the worker told
/// with a `state` call; taken over if the call is valid and new. A verdict that is not `ok` is an answer, not
/// an error.
[[nodiscard]] Result<protocol::server::Step> apply_event(Work& work, Stage& stage,
    const protocol::server::Event& event, const protocol::StateReport* report = nullptr);

/// Grants the oldest stage that the worker's pool may start, if there is one; nothing to a worker that is
/// drained or rests. `worker`: as it is in this transaction.
[[nodiscard]] Result<std::optional<Stage>> grant_next(Work& work, const Worker& worker);

/// What the worker is told to do for the newest grant of the stage.
[[nodiscard]] Result<protocol::Assignment> assignment_of(Transaction& records, const Stage& stage);

/// Names of blobs that have a meaning here: a stage uploads its stack's state and what it could rescue; a
/// version of the state is fetched under its number.
inline constexpr std::string_view kStateBlob = "state";
inline constexpr std::string_view kStateBlobPrefix = "state-";
inline constexpr std::string_view kRescueBlob = "rescue";
/// Of an apply: JSON, and an envelope with the sensitive ones. They stay as a rescue does.
inline constexpr std::string_view kOutputsBlob = "outputs";
inline constexpr std::string_view kSealedOutputsBlob = "outputs-sealed";

/// Names under which the workers fetch the sources of a run and a mounted file.
[[nodiscard]] std::string source_blob_name(const Run& run);
[[nodiscard]] std::string file_blob_name(const StackFile& file);

} // namespace slipway::mothership
