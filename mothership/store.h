#pragma once

#include "mothership/model.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::mothership {

/// What can be asked of and done to the records within one transaction. Ids that are unknown give an empty
/// optional. Failures of the store, a broken constraint among them, are `internal`: what a caller may do
/// wrong is checked before. Not thread-safe; valid within the call that was handed it.
class Transaction {
public:
    virtual ~Transaction() = default;

    virtual Result<Meta> meta() = 0;
    virtual Result<void> put_meta(const Meta& meta) = 0;

    virtual Result<void> add_api_key(const ApiKey& key) = 0;
    virtual Result<std::optional<ApiKey>> api_key(std::string_view id) = 0;

    virtual Result<void> add_pool(const Pool& pool) = 0;
    virtual Result<std::vector<Pool>> pools() = 0;
    virtual Result<std::optional<Pool>> pool(std::string_view id_or_name) = 0;
    virtual Result<std::optional<Pool>> pool_by_certificate(std::string_view fingerprint) = 0;

    virtual Result<void> put_worker(const Worker& worker) = 0;
    /// Those that are signed on, oldest first.
    virtual Result<std::vector<Worker>> workers() = 0;
    virtual Result<std::optional<Worker>> worker_by_session(std::string_view session_hash) = 0;
    virtual Result<std::optional<Worker>> worker_by_instance(
        std::string_view pool_id, std::string_view instance_id)
        = 0;

    virtual Result<void> add_stack(const Stack& stack) = 0;
    virtual Result<void> put_stack(const Stack& stack) = 0;
    virtual Result<std::vector<Stack>> stacks() = 0;
    virtual Result<std::optional<Stack>> stack(std::string_view id) = 0;
    virtual Result<void> add_source(const Source& source) = 0;
    /// `version` 0: the newest.
    virtual Result<std::optional<Source>> source(std::string_view stack_id, std::int64_t version) = 0;

    /// Notes a content for a stack's file; its version.
    virtual Result<std::int64_t> add_stack_file(std::string_view stack_id, std::string_view file) = 0;
    /// The name in the blob directory.
    virtual Result<std::optional<std::string>> stack_file(std::string_view stack_id, std::int64_t version)
        = 0;
    /// The next version of a stack's state; `state.version` is set.
    virtual Result<void> add_state(StateVersion& state) = 0;
    /// `version` 0: the newest.
    virtual Result<std::optional<StateVersion>> state(std::string_view stack_id, std::int64_t version) = 0;
    /// Newest first.
    virtual Result<std::vector<StateVersion>> states(std::string_view stack_id) = 0;

    virtual Result<void> add_run(const Run& run) = 0;
    /// Writes state, pool and timeline if nobody changed the run since it was read, and moves `run.version`
    /// on.
    virtual Result<void> update_run(Run& run) = 0;
    virtual Result<std::optional<Run>> run(std::string_view id) = 0;
    /// Newest first, without their specifications; empty `stack_id`: of all stacks.
    virtual Result<std::vector<Run>> runs(std::string_view stack_id, int limit) = 0;
    /// Oldest first.
    virtual Result<std::vector<Run>> queued_runs(std::string_view stack_id) = 0;
    /// The run that holds the stack's lock.
    virtual Result<std::optional<Run>> locking_run(std::string_view stack_id) = 0;
    virtual Result<void> add_history(std::string_view run_id, const HistoryEntry& entry) = 0;
    virtual Result<std::vector<HistoryEntry>> history(std::string_view run_id) = 0;

    virtual Result<void> add_stage(const Stage& stage) = 0;
    /// Writes the stage if nobody changed it since it was read, and moves `stage.revision` on. If somebody
    /// did, the whole transaction is undone and done again from its beginning.
    virtual Result<void> update_stage(Stage& stage) = 0;
    virtual Result<std::optional<Stage>> stage(std::string_view id) = 0;
    virtual Result<std::vector<Stage>> stages_of_run(std::string_view run_id) = 0;
    /// The oldest stage of the pool that may be granted at served time `now`.
    virtual Result<std::optional<Stage>> grantable_stage(std::string_view pool_id, Millis now) = 0;
    /// Offered to, accepted or started by the worker, oldest first.
    virtual Result<std::vector<Stage>> stages_held_by(std::string_view worker_id) = 0;
    /// Of the pool, neither finished nor lost.
    virtual Result<std::vector<Stage>> live_stages_of_pool(std::string_view pool_id) = 0;
    virtual Result<std::vector<Stage>> live_stages() = 0;
    /// With a holder whose time is over at `now`.
    virtual Result<std::vector<Stage>> due_stages(Millis now) = 0;

    virtual Result<void> add_attempt(const Attempt& attempt) = 0;
    virtual Result<void> update_attempt(const Attempt& attempt) = 0;
    virtual Result<std::optional<Attempt>> attempt(std::string_view stage_id, protocol::Fence fence) = 0;
    /// In order of grant.
    virtual Result<std::vector<Attempt>> attempts_of_run(std::string_view run_id) = 0;

    virtual Result<void> append_log(
        std::string_view stage_id, protocol::Fence fence, std::uint64_t offset, std::string_view bytes)
        = 0;
    /// At most `max` bytes from `offset` on.
    virtual Result<std::string> read_log(
        std::string_view stage_id, protocol::Fence fence, std::uint64_t offset, std::size_t max)
        = 0;

    /// Replaces one of the same stage and name.
    virtual Result<void> put_blob(const Blob& blob) = 0;
    virtual Result<std::optional<Blob>> blob(std::string_view stage_id, std::string_view name) = 0;
    /// Every file of the blob directory that a record names.
    virtual Result<std::vector<std::string>> blob_files() = 0;

    /// Forgets the blobs of runs that are over, rescues and outputs aside; their files.
    virtual Result<std::vector<std::string>> drop_envelopes() = 0;
    /// Forgets sources that are not among the newest `kept` of their stack and that no run which goes on was
    /// made with; their files.
    virtual Result<std::vector<std::string>> drop_sources(int kept) = 0;
    /// Forgets contents of stacks' files that neither their stack nor a run that goes on refers to; their
    /// files.
    virtual Result<std::vector<std::string>> drop_stack_files() = 0;
    /// Forgets states that are not among the newest `kept` of their stack; the files that no other has.
    virtual Result<std::vector<std::string>> drop_states(int kept) = 0;
    /// Signs off workers that hold nothing and had no contact since that served time, and forgets those of
    /// them that no grant names.
    virtual Result<int> forget_workers(Millis silent_since) = 0;
    /// Forgets grants in runs that are over of which not a byte of log came.
    virtual Result<int> drop_empty_attempts() = 0;
};

/// The records of the control plane. Thread-safe.
class Store {
public:
    using Body = std::function<Result<void>(Transaction&)>;

    virtual ~Store() = default;

    /// Does `body` as one transaction, durable when this returns success; undone if `body` fails. `body` may
    /// be called more than once (see `Transaction::update_stage`), so it changes nothing but through its
    /// argument until it returns.
    virtual Result<void> write(const Body& body) = 0;
    /// A consistent view; what `body` writes is refused.
    virtual Result<void> read(const Body& body) = 0;
};

} // namespace slipway::mothership
