#include "launcher/status_json.h"

#include "common/json.h"
#include "common/protocol/wire.h"

namespace slipway::launcher {

namespace {

std::int64_t integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void write_stages(JsonWriter& json, const std::vector<StageStatus>& stages)
{
    json.key("stages").begin_array();
    for (const auto& stage : stages) {
        json.begin_object().field("stage", stage.stage_id).field("run", stage.run_id);
        json.field("kind", stage.kind == protocol::StageKind::read ? "read" : "write");
        json.field("phase", to_string(stage.phase)).field("elapsed_ms", std::int64_t{stage.elapsed.count()});
        json.field("spool_bytes", integer(stage.spool_bytes)).end_object();
    }
    json.end_array();
}

void write_docker_and_disk(JsonWriter& json, const EngineStatus& status)
{
    json.key("docker").begin_object().flag("answers", status.docker_answers);
    json.field("since_ms", std::int64_t{status.docker_since.count()}).field("error", status.docker_error);
    json.end_object();
    const auto& disk = status.disk;
    json.key("disk").begin_object().field("free_bytes", integer(disk.free_bytes));
    json.field("least_free_bytes", integer(disk.least_free_bytes));
    json.field("free_inodes", integer(disk.free_inodes));
    json.field("least_free_inodes", integer(disk.least_free_inodes)).field("error", disk.error).end_object();
}

} // namespace

std::string status_json(const EngineStatus& status, const LauncherFacts& facts)
{
    const auto found = holds(status, facts.url);
    JsonWriter json;
    json.begin_object().field("version", facts.version).field("pid", std::int64_t{facts.pid});
    json.field("instance", facts.instance_id).field("uptime_ms", std::int64_t{status.uptime.count()});
    json.field("url", facts.url).field("pool", facts.pool_id).field("pool_name", status.pool_name);
    json.field("worker", status.worker_id).flag("registered", status.polled);
    json.flag("connected", status.connected).field("contact_error", status.contact_error);
    json.key("contact_age_ms");
    status.contact_age ? json.value(std::int64_t{status.contact_age->count()}) : json.null();
    json.flag("ready", found.empty()).key("holds").begin_array();
    for (const auto& hold : found)
        json.begin_object()
            .field("cause", hold.cause)
            .field("text", hold.text)
            .field("remedy", hold.remedy)
            .end_object();
    json.end_array().key("draining").begin_array();
    for (const auto& drain : status.drains)
        json.begin_object()
            .field("by", to_string(drain.by))
            .field("since", format_rfc3339(drain.since))
            .flag("leaves", leaves(drain.by))
            .end_object();
    json.end_array();
    write_docker_and_disk(json, status);
    json.field("transport", status.transport).field("warm_slots", integer(status.idle_slots));
    json.field("capacity", std::int64_t{status.capacity}).field("work", status.work);
    write_stages(json, status.stages);
    return json.end_object().take();
}

} // namespace slipway::launcher
