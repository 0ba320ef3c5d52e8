#include "mothership/store/sqlite_transaction.h"

namespace slipway::mothership::sqlite {

namespace {

using protocol::Fence;

#define SLIPWAY_STAGE_COLUMNS                                                                                \
    "stages.id, stages.run_id, ordinal, name, stages.pool_id, kind, phase, fence, holder, until, "           \
    "run_limit, "                                                                                            \
    "outcome, log_end, held, stop_requested, revision, attempts, sequence, phase_name, image_id, "           \
    "exit_code, "                                                                                            \
    "cause, message, workspace"
#define SLIPWAY_ATTEMPT_COLUMNS "stage_id, fence, run_id, worker_id, granted_ms, log_end, log_conflict"

Result<Stage> read_stage(Row& row)
{
    Stage stage;
    stage.id = row.text();
    stage.run_id = row.text();
    stage.ordinal = row.as<int>();
    stage.name = row.text();
    stage.pool_id = row.text();
    stage.core.kind = row.as<protocol::StageKind>();
    stage.core.phase = row.as<protocol::ServerPhase>();
    stage.core.fence = Fence::from_integer(row.integer());
    stage.core.holder = row.text();
    stage.core.until = row.integer();
    stage.core.run_limit = row.integer();
    stage.core.outcome = row.as<protocol::Outcome>();
    stage.core.log_end = row.as<std::uint64_t>();
    stage.core.held = row.flag();
    stage.core.stop_requested = row.flag();
    stage.revision = row.integer();
    stage.attempts = row.as<int>();
    stage.sequence = row.integer();
    stage.phase = row.text();
    stage.image_id = row.text();
    stage.exit_code = row.as<int>();
    stage.cause = row.text();
    stage.message = row.text();
    stage.workspace = row.text();
    return stage;
}

Result<Attempt> read_attempt(Row& row)
{
    Attempt attempt;
    attempt.stage_id = row.text();
    attempt.fence = Fence::from_integer(row.integer());
    attempt.run_id = row.text();
    attempt.worker_id = row.text();
    attempt.granted_ms = row.integer();
    attempt.log_end = row.as<std::uint64_t>();
    attempt.log_conflict = row.flag();
    return attempt;
}

Result<Blob> read_blob(Row& row)
{
    Blob blob;
    blob.stage_id = row.text();
    blob.name = row.text();
    blob.fence = Fence::from_integer(row.integer());
    blob.file = row.text();
    blob.size = row.as<std::uint64_t>();
    return blob;
}

Result<std::string> read_text(Row& row) { return row.text(); }

} // namespace

Result<void> SqliteTransaction::add_stage(const Stage& s)
{
    SLIPWAY_TRY(db_.run(
        "INSERT INTO stages (id, run_id, ordinal, name, pool_id, kind, phase, fence, holder, until,"
        " run_limit, outcome, log_end, held, stop_requested, revision, attempts, sequence, phase_name,"
        " image_id, exit_code, cause, message, workspace)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        s.id, s.run_id, s.ordinal, s.name, s.pool_id, s.core.kind, s.core.phase, s.core.fence.to_integer(),
        s.core.holder, s.core.until, s.core.run_limit, s.core.outcome, s.core.log_end, s.core.held,
        s.core.stop_requested, s.revision, s.attempts, s.sequence, s.phase, s.image_id, s.exit_code, s.cause,
        s.message, s.workspace));
    return {};
}

Result<void> SqliteTransaction::update_stage(Stage& s)
{
    const int changed = SLIPWAY_TRY(
        db_.run("UPDATE stages SET phase = ?, fence = ?, holder = ?, until = ?, run_limit = ?, outcome = ?, "
                "log_end = ?, held = ?,"
                " stop_requested = ?, revision = revision + 1, attempts = ?, sequence = ?, phase_name = ?, "
                "image_id = ?,"
                " exit_code = ?, cause = ?, message = ?, workspace = ? WHERE id = ? AND revision = ?",
            s.core.phase, s.core.fence.to_integer(), s.core.holder, s.core.until, s.core.run_limit,
            s.core.outcome, s.core.log_end, s.core.held, s.core.stop_requested, s.attempts, s.sequence,
            s.phase, s.image_id, s.exit_code, s.cause, s.message, s.workspace, s.id, s.revision));
    if (changed != 1)
        return lost("stage " + s.id);
    ++s.revision;
    return {};
}

Result<std::optional<Stage>> SqliteTransaction::stage(std::string_view id)
{
    return first<Stage>("SELECT " SLIPWAY_STAGE_COLUMNS " FROM stages WHERE id = ?", read_stage, id);
}

Result<std::vector<Stage>> SqliteTransaction::stages_of_run(std::string_view run_id)
{
    return list<Stage>(
        "SELECT " SLIPWAY_STAGE_COLUMNS " FROM stages WHERE run_id = ? ORDER BY ordinal", read_stage, run_id);
}

Result<std::optional<Stage>> SqliteTransaction::grantable_stage(std::string_view pool_id, Millis now)
{
    return first<Stage>("SELECT " SLIPWAY_STAGE_COLUMNS " FROM stages JOIN runs ON runs.id = stages.run_id "
                        "WHERE stages.pool_id = ? AND phase = 0 AND held = 0"
                        " AND stop_requested = 0 AND until <= ? ORDER BY runs.number, ordinal LIMIT 1",
        read_stage, pool_id, now);
}

Result<std::vector<Stage>> SqliteTransaction::stages_held_by(std::string_view worker_id)
{
    return list<Stage>("SELECT " SLIPWAY_STAGE_COLUMNS
                       " FROM stages WHERE holder = ? AND phase IN (1, 2, 3) ORDER BY number",
        read_stage, worker_id);
}

Result<std::vector<Stage>> SqliteTransaction::live_stages_of_pool(std::string_view pool_id)
{
    return list<Stage>("SELECT " SLIPWAY_STAGE_COLUMNS
                       " FROM stages WHERE pool_id = ? AND phase IN (0, 1, 2, 3) ORDER BY number",
        read_stage, pool_id);
}

Result<std::vector<Stage>> SqliteTransaction::live_stages()
{
    return list<Stage>("SELECT " SLIPWAY_STAGE_COLUMNS
                       " FROM stages WHERE phase IN (0, 1, 2, 3) ORDER BY number",
        read_stage);
}

Result<std::vector<Stage>> SqliteTransaction::due_stages(Millis now)
{
    return list<Stage>("SELECT " SLIPWAY_STAGE_COLUMNS
                       " FROM stages WHERE phase IN (1, 2, 3) AND until <= ? ORDER BY until",
        read_stage, now);
}

Result<void> SqliteTransaction::add_attempt(const Attempt& a)
{
    SLIPWAY_TRY(db_.run("INSERT INTO attempts (" SLIPWAY_ATTEMPT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
        a.stage_id, a.fence.to_integer(), a.run_id, a.worker_id, a.granted_ms, a.log_end, a.log_conflict));
    return {};
}

Result<void> SqliteTransaction::update_attempt(const Attempt& a)
{
    SLIPWAY_TRY(db_.run("UPDATE attempts SET log_end = ?, log_conflict = ? WHERE stage_id = ? AND fence = ?",
        a.log_end, a.log_conflict, a.stage_id, a.fence.to_integer()));
    return {};
}

Result<std::optional<Attempt>> SqliteTransaction::attempt(std::string_view stage_id, Fence fence)
{
    return first<Attempt>("SELECT " SLIPWAY_ATTEMPT_COLUMNS " FROM attempts WHERE stage_id = ? AND fence = ?",
        read_attempt, stage_id, fence.to_integer());
}

Result<std::vector<Attempt>> SqliteTransaction::attempts_of_run(std::string_view run_id)
{
    return list<Attempt>("SELECT " SLIPWAY_ATTEMPT_COLUMNS " FROM attempts WHERE run_id = ? ORDER BY number",
        read_attempt, run_id);
}

Result<void> SqliteTransaction::append_log(
    std::string_view stage_id, Fence fence, std::uint64_t offset, std::string_view bytes)
{
    SLIPWAY_TRY(db_.run("INSERT INTO log_chunks (stage_id, fence, start, bytes) VALUES (?, ?, ?, ?)",
        stage_id, fence.to_integer(), offset, Bytes{bytes}));
    return {};
}

Result<std::string> SqliteTransaction::read_log(
    std::string_view stage_id, Fence fence, std::uint64_t offset, std::size_t max)
{
    std::string log;
    const std::uint64_t end = offset + max;
    SLIPWAY_TRY(db_.each(
        "SELECT start, bytes FROM log_chunks WHERE stage_id = ?1 AND fence = ?2 AND start < ?4 AND start >= "
        "coalesce("
        "(SELECT max(start) FROM log_chunks WHERE stage_id = ?1 AND fence = ?2 AND start <= ?3), 0) ORDER BY "
        "start",
        [&](Row& row) -> Result<void> {
            const auto start = row.as<std::uint64_t>();
            const std::string bytes = row.text();
            const std::uint64_t known = offset + log.size();
            if (start + bytes.size() > known)
                log += std::string_view{bytes}.substr(
                    static_cast<std::size_t>(known - start), max - log.size());
            return {};
        },
        stage_id, fence.to_integer(), offset, end));
    return log;
}

Result<void> SqliteTransaction::put_blob(const Blob& blob)
{
    SLIPWAY_TRY(
        db_.run("INSERT INTO blobs (stage_id, name, fence, file, size) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (stage_id, name) DO UPDATE SET fence = excluded.fence, file = excluded.file,"
                " size = excluded.size",
            blob.stage_id, blob.name, blob.fence.to_integer(), blob.file, blob.size));
    return {};
}

Result<std::optional<Blob>> SqliteTransaction::blob(std::string_view stage_id, std::string_view name)
{
    return first<Blob>("SELECT stage_id, name, fence, file, size FROM blobs WHERE stage_id = ? AND name = ?",
        read_blob, stage_id, name);
}

Result<std::vector<std::string>> SqliteTransaction::blob_files()
{
    return list<std::string>(
        "SELECT file FROM blobs UNION SELECT file FROM sources UNION SELECT file FROM stack_files "
        "UNION SELECT file FROM states",
        read_text);
}

} // namespace slipway::mothership::sqlite
