#pragma once

#include "mothership/store.h"
#include "mothership/store/sqlite.h"

namespace slipway::mothership::sqlite {

/// The operations as statements on one connection, on which a transaction is open.
class SqliteTransaction final : public Transaction {
public:
    explicit SqliteTransaction(Connection& db)
        : db_{db}
    {
    }

    /// A conditional write found that somebody else was faster.
    [[nodiscard]] bool lost_race() const noexcept { return lost_race_; }

    Result<Meta> meta() override;
    Result<void> put_meta(const Meta& meta) override;
    Result<void> add_api_key(const ApiKey& key) override;
    Result<std::optional<ApiKey>> api_key(std::string_view id) override;
    Result<void> add_pool(const Pool& pool) override;
    Result<std::vector<Pool>> pools() override;
    Result<std::optional<Pool>> pool(std::string_view id_or_name) override;
    Result<std::optional<Pool>> pool_by_certificate(std::string_view fingerprint) override;
    Result<void> put_worker(const Worker& worker) override;
    Result<std::vector<Worker>> workers() override;
    Result<std::optional<Worker>> worker_by_session(std::string_view session_hash) override;
    Result<std::optional<Worker>> worker_by_instance(
        std::string_view pool_id, std::string_view instance_id) override;

    Result<void> add_stack(const Stack& stack) override;
    Result<void> put_stack(const Stack& stack) override;
    Result<std::vector<Stack>> stacks() override;
    Result<std::optional<Stack>> stack(std::string_view id) override;
    Result<void> add_source(const Source& source) override;
    Result<std::optional<Source>> source(std::string_view stack_id, std::int64_t version) override;
    Result<std::int64_t> add_stack_file(std::string_view stack_id, std::string_view file) override;
    Result<std::optional<std::string>> stack_file(std::string_view stack_id, std::int64_t version) override;
    Result<void> add_state(StateVersion& state) override;
    Result<std::optional<StateVersion>> state(std::string_view stack_id, std::int64_t version) override;
    Result<std::vector<StateVersion>> states(std::string_view stack_id) override;
    Result<void> add_run(const Run& run) override;
    Result<void> update_run(Run& run) override;
    Result<std::optional<Run>> run(std::string_view id) override;
    Result<std::vector<Run>> runs(std::string_view stack_id, int limit) override;
    Result<std::vector<Run>> queued_runs(std::string_view stack_id) override;
    Result<std::optional<Run>> locking_run(std::string_view stack_id) override;
    Result<void> add_history(std::string_view run_id, const HistoryEntry& entry) override;
    Result<std::vector<HistoryEntry>> history(std::string_view run_id) override;

    Result<void> add_stage(const Stage& stage) override;
    Result<void> update_stage(Stage& stage) override;
    Result<std::optional<Stage>> stage(std::string_view id) override;
    Result<std::vector<Stage>> stages_of_run(std::string_view run_id) override;
    Result<std::optional<Stage>> grantable_stage(std::string_view pool_id, Millis now) override;
    Result<std::vector<Stage>> stages_held_by(std::string_view worker_id) override;
    Result<std::vector<Stage>> live_stages_of_pool(std::string_view pool_id) override;
    Result<std::vector<Stage>> live_stages() override;
    Result<std::vector<Stage>> due_stages(Millis now) override;

    Result<void> add_attempt(const Attempt& attempt) override;
    Result<void> update_attempt(const Attempt& attempt) override;
    Result<std::optional<Attempt>> attempt(std::string_view stage_id, protocol::Fence fence) override;
    Result<std::vector<Attempt>> attempts_of_run(std::string_view run_id) override;
    Result<void> append_log(std::string_view stage_id, protocol::Fence fence, std::uint64_t offset,
        std::string_view bytes) override;
    Result<std::string> read_log(
        std::string_view stage_id, protocol::Fence fence, std::uint64_t offset, std::size_t max) override;
    Result<void> put_blob(const Blob& blob) override;
    Result<std::optional<Blob>> blob(std::string_view stage_id, std::string_view name) override;
    Result<std::vector<std::string>> blob_files() override;
    Result<std::vector<std::string>> drop_envelopes() override;
    Result<std::vector<std::string>> drop_sources(int kept) override;
    Result<std::vector<std::string>> drop_stack_files() override;
    Result<std::vector<std::string>> drop_states(int kept) override;
    Result<int> forget_workers(Millis silent_since) override;
    Result<int> drop_empty_attempts() override;

private:
    /// All rows of a query as values.
    template <class T, class... Values>
    Result<std::vector<T>> list(std::string_view sql, Result<T> (*read)(Row&), const Values&... values)
    {
        std::vector<T> all;
        const auto take = [&](Row& row) -> Result<void> {
            T one = SLIPWAY_TRY(read(row));
            all.push_back(std::move(one));
            return {};
        };
        SLIPWAY_TRY(db_.each(sql, take, values...));
        return all;
    }

    template <class T, class... Values>
    Result<std::optional<T>> first(std::string_view sql, Result<T> (*read)(Row&), const Values&... values)
    {
        auto all = SLIPWAY_TRY(list<T>(sql, read, values...));
        return all.empty() ? std::optional<T>{} : std::optional<T>{std::move(all.front())};
    }

    Error lost(std::string_view what);

    Connection& db_;
    bool lost_race_ = false;
};

} // namespace slipway::mothership::sqlite
