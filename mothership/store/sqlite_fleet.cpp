#include "common/json.h"
#include "mothership/store/sqlite_transaction.h"

namespace slipway::mothership::sqlite {

namespace {

#define SLIPWAY_POOL_COLUMNS                                                                                 \
    "id, name, description, key_fingerprint, certificate_fingerprint, certificate_serial, created_ms, "      \
    "public_key"
#define SLIPWAY_WORKER_COLUMNS                                                                               \
    "id, pool_id, instance_id, boot_id, session_hash, version, hostname, metadata, capacity, drained, "      \
    "created_ms, last_seen_ms, last_contact, rests_until, registrations"

Result<ApiKey> read_api_key(Row& row)
{
    ApiKey key;
    key.id = row.text();
    key.name = row.text();
    key.hash = row.text();
    key.created_ms = row.integer();
    return key;
}

Result<Pool> read_pool(Row& row)
{
    Pool pool;
    pool.id = row.text();
    pool.name = row.text();
    pool.description = row.text();
    pool.key_fingerprint = row.text();
    pool.certificate_fingerprint = row.text();
    pool.certificate_serial = row.text();
    pool.created_ms = row.integer();
    pool.public_key = row.text();
    return pool;
}

std::string metadata_text(const protocol::Metadata& metadata)
{
    JsonWriter json;
    json.begin_object().string_map("metadata", metadata).end_object();
    return json.take();
}

Result<protocol::Metadata> read_metadata(const std::string& text)
{
    const auto document = JsonDocument::parse(text, {.max_bytes = text.size()});
    auto metadata = document ? document->root().string_map("metadata") : document.error();
    if (!metadata)
        return Error{Errc::internal, "stored metadata: " + metadata.error().message()};
    return metadata;
}

Result<Worker> read_worker(Row& row)
{
    Worker worker;
    worker.id = row.text();
    worker.pool_id = row.text();
    worker.instance_id = row.text();
    worker.boot_id = row.text();
    worker.session_hash = row.text();
    worker.version = row.text();
    worker.hostname = row.text();
    worker.metadata = SLIPWAY_TRY(read_metadata(row.text()));
    worker.capacity = row.as<int>();
    worker.drained = row.flag();
    worker.created_ms = row.integer();
    worker.last_seen_ms = row.integer();
    worker.last_contact = row.integer();
    worker.rests_until = row.integer();
    worker.registrations = SLIPWAY_TRY(read_registrations(row.text()));
    return worker;
}

} // namespace

Result<Meta> SqliteTransaction::meta()
{
    Meta meta;
    SLIPWAY_TRY(db_.each("SELECT epoch, generation, served, reserved, server_id, secret FROM meta",
        [&](Row& row) -> Result<void> {
            meta.epoch = row.as<std::uint32_t>();
            meta.generation = row.integer();
            meta.served = row.integer();
            meta.reserved = row.integer();
            meta.server_id = row.text();
            meta.secret = row.text();
            return {};
        }));
    return meta;
}

Result<void> SqliteTransaction::put_meta(const Meta& meta)
{
    SLIPWAY_TRY(db_.run("UPDATE meta SET epoch = ?, generation = ?, served = ?, reserved = ?, server_id = ?,"
                        " secret = ?",
        meta.epoch, meta.generation, meta.served, meta.reserved, meta.server_id, meta.secret));
    return {};
}

Result<void> SqliteTransaction::add_api_key(const ApiKey& key)
{
    SLIPWAY_TRY(db_.run("INSERT INTO api_keys (id, name, hash, created_ms) VALUES (?, ?, ?, ?)", key.id,
        key.name, key.hash, key.created_ms));
    return {};
}

Result<std::optional<ApiKey>> SqliteTransaction::api_key(std::string_view id)
{
    return first<ApiKey>("SELECT id, name, hash, created_ms FROM api_keys WHERE id = ?", read_api_key, id);
}

Result<void> SqliteTransaction::add_pool(const Pool& pool)
{
    SLIPWAY_TRY(db_.run("INSERT INTO pools (" SLIPWAY_POOL_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        pool.id, pool.name, pool.description, pool.key_fingerprint, pool.certificate_fingerprint,
        pool.certificate_serial, pool.created_ms, pool.public_key));
    return {};
}

Result<std::vector<Pool>> SqliteTransaction::pools()
{
    return list<Pool>("SELECT " SLIPWAY_POOL_COLUMNS " FROM pools ORDER BY id", read_pool);
}

Result<std::optional<Pool>> SqliteTransaction::pool(std::string_view id_or_name)
{
    return first<Pool>("SELECT " SLIPWAY_POOL_COLUMNS
                       " FROM pools WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC",
        read_pool, id_or_name);
}

Result<std::optional<Pool>> SqliteTransaction::pool_by_certificate(std::string_view fingerprint)
{
    return first<Pool>("SELECT " SLIPWAY_POOL_COLUMNS " FROM pools WHERE certificate_fingerprint = ?",
        read_pool, fingerprint);
}

Result<void> SqliteTransaction::put_worker(const Worker& w)
{
    SLIPWAY_TRY(db_.run(
        "INSERT INTO workers (" SLIPWAY_WORKER_COLUMNS
        ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " boot_id = excluded.boot_id, session_hash = excluded.session_hash, version = excluded.version,"
        " hostname = excluded.hostname, metadata = excluded.metadata, capacity = excluded.capacity,"
        " drained = excluded.drained, created_ms = excluded.created_ms,"
        " last_seen_ms = excluded.last_seen_ms, last_contact = excluded.last_contact,"
        " rests_until = excluded.rests_until, registrations = excluded.registrations",
        w.id, w.pool_id, w.instance_id, w.boot_id, w.session_hash, w.version, w.hostname,
        metadata_text(w.metadata), w.capacity, w.drained, w.created_ms, w.last_seen_ms, w.last_contact,
        w.rests_until, to_json(w.registrations)));
    return {};
}

Result<std::vector<Worker>> SqliteTransaction::workers()
{
    return list<Worker>(
        "SELECT " SLIPWAY_WORKER_COLUMNS " FROM workers WHERE session_hash <> '' ORDER BY id", read_worker);
}

Result<std::optional<Worker>> SqliteTransaction::worker_by_session(std::string_view session_hash)
{
    return first<Worker>("SELECT " SLIPWAY_WORKER_COLUMNS
                         " FROM workers WHERE session_hash = ? AND session_hash <> ''",
        read_worker, session_hash);
}

Result<std::optional<Worker>> SqliteTransaction::worker_by_instance(
    std::string_view pool_id, std::string_view instance_id)
{
    return first<Worker>("SELECT " SLIPWAY_WORKER_COLUMNS
                         " FROM workers WHERE pool_id = ? AND instance_id = ?",
        read_worker, pool_id, instance_id);
}

} // namespace slipway::mothership::sqlite
