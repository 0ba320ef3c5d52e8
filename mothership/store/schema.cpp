#include "mothership/store/schema.h"

#include <array>

namespace slipway::mothership::sqlite {

namespace {

constexpr const char* kVersion1 = R"sql(
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    served INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    server_id TEXT NOT NULL,
    secret TEXT NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 1, 0, 0, 0, '', '');

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pools (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    key_fingerprint TEXT NOT NULL,
    certificate_fingerprint TEXT NOT NULL UNIQUE,
    certificate_serial TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    instance_id TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    session_hash TEXT NOT NULL,
    version TEXT NOT NULL,
    hostname TEXT NOT NULL,
    metadata TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    drained INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    last_contact INTEGER NOT NULL,
    rests_until INTEGER NOT NULL,
    registrations TEXT NOT NULL,
    UNIQUE (pool_id, instance_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX workers_by_session ON workers (session_hash) WHERE session_hash <> '';

CREATE TABLE stacks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    pool_id TEXT REFERENCES pools (id),
    spec TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    stack_id TEXT NOT NULL REFERENCES stacks (id),
    version INTEGER NOT NULL,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_ms INTEGER NOT NULL,
    PRIMARY KEY (stack_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    stack_id TEXT NOT NULL REFERENCES stacks (id),
    type TEXT NOT NULL,
    exclusive INTEGER NOT NULL,
    state TEXT NOT NULL,
    terminal INTEGER NOT NULL,
    pool_id TEXT REFERENCES pools (id),
    spec TEXT NOT NULL,
    source_version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    queued_ms INTEGER NOT NULL,
    picked_up_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    first_byte_ms INTEGER NOT NULL,
    planned_ms INTEGER NOT NULL,
    confirmed_ms INTEGER NOT NULL,
    applied_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_stack ON runs (stack_id, number);
CREATE INDEX runs_alive ON runs (stack_id, number) WHERE terminal = 0;

CREATE TABLE run_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL REFERENCES runs (id),
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX run_history_by_run ON run_history (run_id, number);

CREATE TABLE stages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL REFERENCES runs (id),
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    kind INTEGER NOT NULL,
    phase INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL,
    run_limit INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    log_end INTEGER NOT NULL,
    held INTEGER NOT NULL,
    stop_requested INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    phase_name TEXT NOT NULL,
    image_id TEXT NOT NULL,
    exit_code INTEGER NOT NULL,
    cause TEXT NOT NULL,
    message TEXT NOT NULL,
    workspace TEXT NOT NULL,
    UNIQUE (run_id, ordinal)
) STRICT;
CREATE INDEX stages_waiting ON stages (pool_id, run_id) WHERE phase = 0;
CREATE INDEX stages_held ON stages (holder) WHERE phase IN (1, 2, 3);
CREATE INDEX stages_due ON stages (until) WHERE phase IN (1, 2, 3);

CREATE TABLE attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    stage_id TEXT NOT NULL REFERENCES stages (id),
    fence INTEGER NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    worker_id TEXT NOT NULL REFERENCES workers (id),
    granted_ms INTEGER NOT NULL,
    log_end INTEGER NOT NULL,
    log_conflict INTEGER NOT NULL,
    UNIQUE (stage_id, fence)
) STRICT;
CREATE INDEX attempts_by_run ON attempts (run_id, number);

CREATE TABLE log_chunks (
    stage_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    start INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (stage_id, fence, start),
    FOREIGN KEY (stage_id, fence) REFERENCES attempts (stage_id, fence)
) STRICT;

CREATE TABLE blobs (
    stage_id TEXT NOT NULL REFERENCES stages (id),
    name TEXT NOT NULL,
    fence INTEGER NOT NULL,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (stage_id, name)
) STRICT, WITHOUT ROWID;
)sql";

/// Keys to seal for, files and states of stacks.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE pools ADD COLUMN public_key TEXT NOT NULL DEFAULT '';

CREATE TABLE stack_files (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    stack_id TEXT NOT NULL REFERENCES stacks (id),
    file TEXT NOT NULL
) STRICT;
CREATE INDEX stack_files_by_stack ON stack_files (stack_id);

CREATE TABLE states (
    stack_id TEXT NOT NULL REFERENCES stacks (id),
    version INTEGER NOT NULL,
    pool_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    stage_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (stack_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX states_by_file ON states (file);
)sql";

/// Commits of runs, and modules.
constexpr const char* kVersion3 = R"sql(
ALTER TABLE runs ADD COLUMN commit_name TEXT NOT NULL DEFAULT '';
ALTER TABLE stacks ADD COLUMN kind TEXT NOT NULL DEFAULT 'stack';
)sql";

constexpr std::array kMigrations{Migration{.version = 1, .sql = kVersion1},
    Migration{.version = 2, .sql = kVersion2}, Migration{.version = 3, .sql = kVersion3}};

Result<int> schema_version(Connection& connection)
{
    int version = 0;
    SLIPWAY_TRY(connection.each("PRAGMA user_version", [&](Row& row) -> Result<void> {
        version = row.as<int>();
        return {};
    }));
    return version;
}

Result<void> apply(Connection& connection, const Migration& step)
{
    SLIPWAY_TRY(connection.execute("BEGIN IMMEDIATE"));
    auto done = connection.execute(step.sql);
    if (done)
        done = connection.execute("PRAGMA user_version = " + std::to_string(step.version));
    if (done)
        done = connection.execute("COMMIT");
    if (done)
        return {};
    (void)connection.execute("ROLLBACK"); // the failure that is reported is the first one
    return std::move(done).error().in("bringing the database to version " + std::to_string(step.version));
}

} // namespace

std::span<const Migration> migrations() { return kMigrations; }

Result<void> migrate(Connection& connection, std::span<const Migration> steps)
{
    const int have = SLIPWAY_TRY(schema_version(connection));
    const int last = steps.empty() ? 0 : steps.back().version;
    if (have > last)
        return Error{Errc::rejected,
            "the database has schema version " + std::to_string(have) + ", this program knows up to "
                + std::to_string(last)
                + ": use the newer program that wrote it, or restore a backup made before the upgrade"};
    for (const auto& step : steps)
        if (step.version > have)
            SLIPWAY_TRY(apply(connection, step));
    return {};
}

} // namespace slipway::mothership::sqlite
