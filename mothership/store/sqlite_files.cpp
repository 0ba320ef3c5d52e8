#include "mothership/store/sqlite_transaction.h"

namespace slipway::mothership::sqlite {

namespace {

#define SLIPWAY_STATE_COLUMNS                                                                                \
    "stack_id, version, pool_id, run_id, stage_id, fence, file, size, created_ms, note"

Result<std::string> read_text(Row& row) { return row.text(); }

Result<StateVersion> read_state(Row& row)
{
    StateVersion state;
    state.stack_id = row.text();
    state.version = row.integer();
    state.pool_id = row.text();
    state.run_id = row.text();
    state.stage_id = row.text();
    state.fence = protocol::Fence::from_integer(row.integer());
    state.file = row.text();
    state.size = row.as<std::uint64_t>();
    state.created_ms = row.integer();
    state.note = row.text();
    return state;
}

} // namespace

Result<std::int64_t> SqliteTransaction::add_stack_file(std::string_view stack_id, std::string_view file)
{
    std::int64_t version = 0;
    const auto take = [&](Row& row) -> Result<void> {
        version = row.integer();
        return {};
    };
    SLIPWAY_TRY(db_.each(
        "INSERT INTO stack_files (stack_id, file) VALUES (?, ?) RETURNING version", take, stack_id, file));
    return version;
}

Result<std::optional<std::string>> SqliteTransaction::stack_file(
    std::string_view stack_id, std::int64_t version)
{
    return first<std::string>(
        "SELECT file FROM stack_files WHERE stack_id = ? AND version = ?", read_text, stack_id, version);
}

Result<void> SqliteTransaction::add_state(StateVersion& state)
{
    const auto newest = SLIPWAY_TRY(this->state(state.stack_id, 0));
    state.version = newest ? newest->version + 1 : 1;
    SLIPWAY_TRY(
        db_.run("INSERT INTO states (" SLIPWAY_STATE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            state.stack_id, state.version, state.pool_id, state.run_id, state.stage_id,
            state.fence.to_integer(), state.file, state.size, state.created_ms, state.note));
    return {};
}

Result<std::optional<StateVersion>> SqliteTransaction::state(std::string_view stack_id, std::int64_t version)
{
    return first<StateVersion>(
        "SELECT " SLIPWAY_STATE_COLUMNS
        " FROM states WHERE stack_id = ?1 AND (?2 = 0 OR version = ?2) ORDER BY version DESC LIMIT 1",
        read_state, stack_id, version);
}

Result<std::vector<StateVersion>> SqliteTransaction::states(std::string_view stack_id)
{
    return list<StateVersion>("SELECT " SLIPWAY_STATE_COLUMNS
                              " FROM states WHERE stack_id = ? ORDER BY version DESC",
        read_state, stack_id);
}

Result<std::vector<std::string>> SqliteTransaction::drop_stack_files()
{
    return list<std::string>(
        "DELETE FROM stack_files WHERE NOT EXISTS (SELECT 1 FROM stacks, json_each(stacks.spec, '$.files') "
        "AS f WHERE stacks.id = stack_files.stack_id AND json_extract(f.value, '$.version') = "
        "stack_files.version) AND NOT EXISTS (SELECT 1 FROM runs, json_each(runs.spec, '$.files') AS f WHERE "
        "runs.stack_id = stack_files.stack_id AND runs.terminal = 0 AND json_extract(f.value, '$.version') = "
        "stack_files.version) RETURNING file",
        read_text);
}

Result<std::vector<std::string>> SqliteTransaction::drop_states(int kept)
{
    const auto dropped = SLIPWAY_TRY(list<std::string>(
        "DELETE FROM states WHERE version <= (SELECT max(version) FROM states AS newest WHERE "
        "newest.stack_id = states.stack_id) - ? RETURNING file",
        read_text, kept));
    std::vector<std::string> files;
    for (const auto& file : dropped)
        if (!SLIPWAY_TRY(first<std::string>("SELECT file FROM states WHERE file = ?", read_text, file)))
            files.push_back(file);
    return files;
}

} // namespace slipway::mothership::sqlite
