#pragma once

#include "mothership/work.h"

namespace slipway::mothership {

/// Moves the run by the table of transitions, writes its history and wakes who looks at it. A run that ends
/// makes place for the next one of its stack. Fails with `conflict` when the event does not apply.
[[nodiscard]] Result<void> fire(Work& work, Run& run, RunEvent event, std::string_view note = {});

/// A new run of the stack as it is now, queued and, if nothing stands in its way, ready. `command`: of a
/// task. Fails with `conflict` when the stack has no commands for such a run.
[[nodiscard]] Result<Run> create_run(
    Work& work, const Stack& stack, RunType type, const std::string& command = {});

/// Makes ready what may go: needs a pool; runs that change something go one at a time, the oldest first.
[[nodiscard]] Result<void> schedule_stack(Work& work, std::string_view stack_id);

/// Adds the stage that carries out a confirmed plan.
[[nodiscard]] Result<void> add_apply_stage(Work& work, const Run& run, const Stage& plan);

/// What people may do to a run. Each fails with `conflict`, and says why, when its state does not allow it.
[[nodiscard]] Result<void> confirm_run(Work& work, Run& run);
[[nodiscard]] Result<void> discard_run(Work& work, Run& run);
[[nodiscard]] Result<void> stop_run(Work& work, Run& run);
/// Lets the stages be granted that are held since the store was restored from a backup.
[[nodiscard]] Result<void> release_run(Work& work, Run& run);
/// The worker that has a stage of the run will not come back: a write stage that may have begun fails the
/// run, anything else is granted again when the lease is over.
[[nodiscard]] Result<void> declare_run_lost(Work& work, Run& run);

/// What the run waits for, as a sentence; empty if for nothing.
[[nodiscard]] Result<std::string> waiting_for(Transaction& records, const Run& run);

} // namespace slipway::mothership
