#include "mothership/store/sqlite_transaction.h"

namespace slipway::mothership::sqlite {

namespace {

Result<std::string> read_file_name(Row& row) { return row.text(); }

} // namespace

Result<std::vector<std::string>> SqliteTransaction::drop_envelopes()
{
    return list<std::string>("DELETE FROM blobs WHERE name NOT IN ('rescue', 'outputs', 'outputs-sealed') "
                             "AND stage_id IN (SELECT stages.id FROM stages JOIN runs ON "
                             "runs.id = stages.run_id WHERE runs.terminal = 1) RETURNING file",
        read_file_name);
}

Result<std::vector<std::string>> SqliteTransaction::drop_sources(int kept)
{
    return list<std::string>(
        "DELETE FROM sources WHERE version <= (SELECT max(version) FROM sources AS newest "
        "WHERE newest.stack_id = sources.stack_id) - ? AND NOT EXISTS (SELECT 1 FROM runs "
        "WHERE runs.stack_id = sources.stack_id AND runs.terminal = 0 AND "
        "runs.source_version = sources.version) RETURNING file",
        read_file_name, kept);
}

Result<int> SqliteTransaction::forget_workers(Millis silent_since)
{
    SLIPWAY_TRY(
        db_.run("UPDATE workers SET session_hash = '' WHERE session_hash <> '' AND last_contact < ? AND "
                "NOT EXISTS (SELECT 1 FROM stages WHERE holder = workers.id AND phase IN (1, 2, 3))",
            silent_since));
    // Those that a grant names stay, so that the history of runs does.
    return db_.run(
        "DELETE FROM workers WHERE session_hash = '' AND last_contact < ? AND NOT EXISTS (SELECT 1 "
        "FROM attempts WHERE worker_id = workers.id) AND NOT EXISTS (SELECT 1 FROM stages WHERE "
        "holder = workers.id AND phase IN (1, 2, 3))",
        silent_since);
}

Result<int> SqliteTransaction::drop_empty_attempts()
{
    return db_.run(
        "DELETE FROM attempts WHERE log_end = 0 AND run_id IN (SELECT id FROM runs WHERE terminal = 1)");
}

} // namespace slipway::mothership::sqlite
