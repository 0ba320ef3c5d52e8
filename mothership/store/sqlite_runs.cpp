#include "mothership/store/sqlite_transaction.h"

namespace slipway::mothership::sqlite {

namespace {

#define SLIPWAY_STACK_COLUMNS "id, name, coalesce(pool_id, ''), spec, created_ms, kind"
#define SLIPWAY_SOURCE_COLUMNS "stack_id, version, file, size, sha256, uploaded_ms"
#define SLIPWAY_RUN_COLUMNS_WITH(spec)                                                                       \
    "id, version, stack_id, type, state, coalesce(pool_id, ''), " spec                                       \
    ", source_version, created_ms, queued_ms, picked_up_ms, started_ms, first_byte_ms, planned_ms, "         \
    "confirmed_ms, applied_ms, commit_name"
#define SLIPWAY_RUN_COLUMNS SLIPWAY_RUN_COLUMNS_WITH("spec")
/// For lists: a specification may have a megabyte.
#define SLIPWAY_LISTED_RUN_COLUMNS SLIPWAY_RUN_COLUMNS_WITH("'{}'")

/// Stored text that cannot be read is no fault of who asked for it.
Result<StackSpec> read_spec(Row& row)
{
    auto spec = read_stack_spec(row.text());
    if (!spec)
        return Error{Errc::internal, "a stored specification: " + spec.error().message()};
    return spec;
}

Result<Stack> read_stack(Row& row)
{
    Stack stack;
    stack.id = row.text();
    stack.name = row.text();
    stack.pool_id = row.text();
    stack.spec = SLIPWAY_TRY(read_spec(row));
    stack.created_ms = row.integer();
    const auto kind = stack_kind_from(row.text());
    if (!kind)
        return Error{Errc::internal, "stack " + stack.id + " is of a kind that this program does not know"};
    stack.kind = *kind;
    return stack;
}

Result<Source> read_source(Row& row)
{
    Source source;
    source.stack_id = row.text();
    source.version = row.integer();
    source.file = row.text();
    source.size = row.as<std::uint64_t>();
    source.sha256 = row.text();
    source.uploaded_ms = row.integer();
    return source;
}

Result<Run> read_run(Row& row)
{
    Run run;
    run.id = row.text();
    run.version = row.integer();
    run.stack_id = row.text();
    const auto type = run_type_from(row.text());
    const auto state = run_state_from(row.text());
    if (!type || !state)
        return Error{
            Errc::internal, "run " + run.id + " has a type or a state that this program does not know"};
    run.type = *type;
    run.state = *state;
    run.pool_id = row.text();
    run.spec = SLIPWAY_TRY(read_spec(row));
    run.source_version = row.integer();
    run.created_ms = row.integer();
    run.timeline.queued_ms = row.integer();
    run.timeline.picked_up_ms = row.integer();
    run.timeline.started_ms = row.integer();
    run.timeline.first_byte_ms = row.integer();
    run.timeline.planned_ms = row.integer();
    run.timeline.confirmed_ms = row.integer();
    run.timeline.applied_ms = row.integer();
    run.commit = row.text();
    return run;
}

Result<HistoryEntry> read_history(Row& row)
{
    HistoryEntry entry;
    entry.state = run_state_from(row.text()).value_or(RunState::none);
    entry.at_ms = row.integer();
    entry.note = row.text();
    return entry;
}

} // namespace

Result<void> SqliteTransaction::add_stack(const Stack& stack)
{
    SLIPWAY_TRY(db_.run("INSERT INTO stacks (id, name, pool_id, spec, created_ms, kind)"
                        " VALUES (?, ?, nullif(?, ''), ?, ?, ?)",
        stack.id, stack.name, stack.pool_id, to_json(stack.spec), stack.created_ms, to_string(stack.kind)));
    return {};
}

Result<void> SqliteTransaction::put_stack(const Stack& stack)
{
    SLIPWAY_TRY(db_.run("UPDATE stacks SET name = ?, pool_id = nullif(?, ''), spec = ? WHERE id = ?",
        stack.name, stack.pool_id, to_json(stack.spec), stack.id));
    return {};
}

Result<std::vector<Stack>> SqliteTransaction::stacks()
{
    return list<Stack>("SELECT " SLIPWAY_STACK_COLUMNS " FROM stacks ORDER BY id", read_stack);
}

Result<std::optional<Stack>> SqliteTransaction::stack(std::string_view id)
{
    return first<Stack>("SELECT " SLIPWAY_STACK_COLUMNS " FROM stacks WHERE id = ?", read_stack, id);
}

Result<void> SqliteTransaction::add_source(const Source& source)
{
    SLIPWAY_TRY(db_.run("INSERT INTO sources (" SLIPWAY_SOURCE_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)",
        source.stack_id, source.version, source.file, source.size, source.sha256, source.uploaded_ms));
    return {};
}

Result<std::optional<Source>> SqliteTransaction::source(std::string_view stack_id, std::int64_t version)
{
    return first<Source>(
        "SELECT " SLIPWAY_SOURCE_COLUMNS
        " FROM sources WHERE stack_id = ?1 AND (?2 = 0 OR version = ?2) ORDER BY version DESC LIMIT 1",
        read_source, stack_id, version);
}

Result<void> SqliteTransaction::add_run(const Run& run)
{
    SLIPWAY_TRY(
        db_.run("INSERT INTO runs (id, version, stack_id, type, exclusive, state, terminal, pool_id, spec,"
                " source_version, created_ms, queued_ms, picked_up_ms, started_ms, first_byte_ms, planned_ms,"
                " confirmed_ms, applied_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)",
            run.id, run.version, run.stack_id, to_string(run.type), is_exclusive(run.type),
            to_string(run.state), is_terminal(run.state), run.pool_id, to_json(run.spec), run.source_version,
            run.created_ms, run.timeline.queued_ms));
    return {};
}

Result<void> SqliteTransaction::update_run(Run& run)
{
    const auto& t = run.timeline;
    const int changed = SLIPWAY_TRY(db_.run(
        "UPDATE runs SET version = version + 1, state = ?, terminal = ?, "
        "pool_id = nullif(?, ''), queued_ms = ?,"
        " picked_up_ms = ?, started_ms = ?, first_byte_ms = ?, "
        "planned_ms = ?, confirmed_ms = ?, applied_ms = ?, commit_name = ?"
        " WHERE id = ? AND version = ?",
        to_string(run.state), is_terminal(run.state), run.pool_id, t.queued_ms, t.picked_up_ms, t.started_ms,
        t.first_byte_ms, t.planned_ms, t.confirmed_ms, t.applied_ms, run.commit, run.id, run.version));
    if (changed != 1)
        return lost("run " + run.id);
    ++run.version;
    return {};
}

Result<std::optional<Run>> SqliteTransaction::run(std::string_view id)
{
    return first<Run>("SELECT " SLIPWAY_RUN_COLUMNS " FROM runs WHERE id = ?", read_run, id);
}

Result<std::vector<Run>> SqliteTransaction::runs(std::string_view stack_id, int limit)
{
    if (stack_id.empty())
        return list<Run>(
            "SELECT " SLIPWAY_LISTED_RUN_COLUMNS " FROM runs ORDER BY number DESC LIMIT ?", read_run, limit);
    return list<Run>("SELECT " SLIPWAY_LISTED_RUN_COLUMNS
                     " FROM runs WHERE stack_id = ? ORDER BY number DESC LIMIT ?",
        read_run, stack_id, limit);
}

Result<std::vector<Run>> SqliteTransaction::queued_runs(std::string_view stack_id)
{
    return list<Run>("SELECT " SLIPWAY_RUN_COLUMNS
                     " FROM runs WHERE stack_id = ? AND terminal = 0 AND state = 'QUEUED' ORDER BY number",
        read_run, stack_id);
}

Result<std::optional<Run>> SqliteTransaction::locking_run(std::string_view stack_id)
{
    return first<Run>("SELECT " SLIPWAY_RUN_COLUMNS
                      " FROM runs WHERE stack_id = ? AND terminal = 0 AND exclusive = 1"
                      " AND state <> 'QUEUED' ORDER BY number LIMIT 1",
        read_run, stack_id);
}

Result<void> SqliteTransaction::add_history(std::string_view run_id, const HistoryEntry& entry)
{
    SLIPWAY_TRY(db_.run("INSERT INTO run_history (run_id, state, at_ms, note) VALUES (?, ?, ?, ?)", run_id,
        to_string(entry.state), entry.at_ms, entry.note));
    return {};
}

Result<std::vector<HistoryEntry>> SqliteTransaction::history(std::string_view run_id)
{
    return list<HistoryEntry>(
        "SELECT state, at_ms, note FROM run_history WHERE run_id = ? ORDER BY number", read_history, run_id);
}

Error SqliteTransaction::lost(std::string_view what)
{
    lost_race_ = true;
    return {Errc::conflict, std::string{what} + " was changed meanwhile: try again"};
}

} // namespace slipway::mothership::sqlite
