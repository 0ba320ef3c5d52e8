#include "common/ulid.h"
#include "crypto/token.h"
#include "mothership/people_api.h"

namespace slipway::mothership {

namespace {

using protocol::ServerPhase;

constexpr std::size_t kMaxPoolName = 128;

Result<std::string> pool_token(const crypto::Certificate& certificate, const Pool& pool,
    const ServerIdentity& identity, const crypto::CertificateAuthority& authority)
{
    constexpr std::string_view kScheme = "https://";
    if (!identity.endpoint.starts_with(kScheme))
        return Error{Errc::internal, "the endpoint of this server is no https URL"};
    auto certificate_pem = SLIPWAY_TRY(certificate.to_pem());
    auto ca_pem = SLIPWAY_TRY(authority.certificate().to_pem());
    return crypto::encode_pool_token({.broker_endpoint = identity.endpoint.substr(kScheme.size()),
        .comms_url = identity.endpoint,
        .pool_ulid = pool.id,
        .certificate_pem = std::move(certificate_pem),
        .ca_pem = std::move(ca_pem)});
}

bool holds_stage(const Stage& stage)
{
    return stage.core.phase == ServerPhase::accepted || stage.core.phase == ServerPhase::started;
}

Result<std::string> pools_json(Transaction& records)
{
    const auto workers = SLIPWAY_TRY(records.workers());
    JsonWriter json;
    json.begin_object().key("pools").begin_array();
    for (const auto& pool : SLIPWAY_TRY(records.pools())) {
        std::int64_t members = 0;
        std::int64_t busy = 0;
        std::int64_t pending = 0;
        const auto stages = SLIPWAY_TRY(records.live_stages_of_pool(pool.id));
        for (const auto& stage : stages)
            pending += stage.core.phase == ServerPhase::waiting;
        for (const auto& worker : workers) {
            if (worker.pool_id != pool.id)
                continue;
            ++members;
            for (const auto& stage : stages)
                if (stage.core.holder == worker.id && stage.core.phase != ServerPhase::waiting) {
                    ++busy;
                    break;
                }
        }
        json.begin_object()
            .field("id", pool.id)
            .field("name", pool.name)
            .field("description", pool.description);
        json.field("fingerprint", pool.key_fingerprint).field("public_key", pool.public_key);
        json.field("created_ms", pool.created_ms);
        json.field("workers", members).field("busy", busy).field("pending", pending).end_object();
    }
    return json.end_array().end_object().take();
}

/// `now`: served time.
Result<void> write_worker(JsonWriter& json, Transaction& records, const Worker& worker, Millis now)
{
    const auto pool = SLIPWAY_TRY(records.pool(worker.pool_id));
    const auto stages = SLIPWAY_TRY(records.stages_held_by(worker.id));
    std::int64_t held = 0;
    for (const auto& stage : stages)
        held += holds_stage(stage);
    const std::string_view status = worker.drained ? "DRAINED" : stages.empty() ? "IDLE" : "BUSY";
    json.begin_object().field("id", worker.id).field("pool_id", worker.pool_id);
    json.field("pool_name", pool ? pool->name : std::string{}).field("status", status);
    json.flag("silent", now - worker.last_contact > kSilentAfter);
    json.field("capacity", std::int64_t{worker.capacity}).field("held", held);
    json.field("version", worker.version)
        .field("hostname", worker.hostname)
        .string_map("metadata", worker.metadata);
    json.field("created_ms", worker.created_ms).field("last_seen_ms", worker.last_seen_ms).end_object();
    return {};
}

} // namespace

Result<http::Reply> PeopleApi::create_pool(const http::Request& request)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(request.body));
    const JsonValue body = document.root();
    Pool pool;
    pool.name = SLIPWAY_TRY(body.string("name"));
    if (pool.name.empty() || pool.name.size() > kMaxPoolName
        || pool.name.find_first_of("\n\r\t") != std::string::npos)
        return Error{Errc::invalid_input, "$.name: a pool has a name of one line and at most 128 bytes"};
    if (is_ulid(pool.name))
        return Error{Errc::invalid_input, "$.name: this looks like an id: choose another name"};
    pool.description = SLIPWAY_TRY(body.string_or("description", ""));
    const std::string request_text = SLIPWAY_TRY(body.string("csr"));
    const auto csr = SLIPWAY_TRY(in("$.csr", crypto::Csr::from_text(request_text)));
    pool.id = make_ulid(plane_.clock(), plane_.random());
    const auto certificate
        = SLIPWAY_TRY(authority_.sign_pool_csr(csr, pool.id, plane_.random(), plane_.clock().wall()));
    pool.key_fingerprint = csr.fingerprint().hex();
    pool.public_key = SLIPWAY_TRY(csr.public_key().to_pem());
    pool.certificate_fingerprint = certificate.fingerprint().hex();
    pool.certificate_serial = certificate.serial();
    pool.created_ms = plane_.wall_ms();
    const std::string token = SLIPWAY_TRY(pool_token(certificate, pool, identity_, authority_));
    const auto decide = [&](Work& work) -> Result<void> {
        if (SLIPWAY_TRY(work.records.pool(pool.name)))
            return Error{
                Errc::conflict, "a pool named " + pool.name + " exists already: choose another name"};
        return work.records.add_pool(pool);
    };
    SLIPWAY_TRY(plane_.change_records(decide));
    plane_.logger().info(
        "a pool was made", {{"pool", pool.name}, {"id", pool.id}, {"fingerprint", pool.key_fingerprint}});
    JsonWriter json;
    json.begin_object()
        .field("id", pool.id)
        .field("name", pool.name)
        .field("fingerprint", pool.key_fingerprint);
    json.field("created_ms", pool.created_ms).field("token", token).end_object();
    return http::Reply::json(201, json.take());
}

Result<http::Reply> PeopleApi::list_pools(const http::Request&)
{
    return http::Reply::json(200, SLIPWAY_TRY(plane_.look(pools_json)));
}

Result<http::Reply> PeopleApi::list_workers(const http::Request& request)
{
    const Millis now = plane_.now();
    const auto look = [&](Transaction& records) -> Result<std::string> {
        std::string pool_id;
        if (const auto wanted = request.query_value("pool")) {
            const auto pool = SLIPWAY_TRY(records.pool(*wanted));
            if (!pool)
                return Error{
                    Errc::not_found, "there is no pool " + std::string{*wanted} + ": slipway pool list"};
            pool_id = pool->id;
        }
        JsonWriter json;
        json.begin_object().key("workers").begin_array();
        for (const auto& worker : SLIPWAY_TRY(records.workers()))
            if (pool_id.empty() || worker.pool_id == pool_id)
                SLIPWAY_TRY(write_worker(json, records, worker, now));
        return json.end_array().end_object().take();
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.look(look)));
}

} // namespace slipway::mothership
