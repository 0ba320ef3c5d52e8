#include "launcher/policy/policy_input.h"

#include "common/json.h"

namespace slipway::launcher {

namespace {

std::string_view safety_of(const protocol::Assignment& assignment)
{
    return assignment.safety == protocol::SafetyClass::proposed ? "proposed" : "trusted";
}

void write_stage(JsonWriter& json, const protocol::Assignment& assignment)
{
    json.key("stage").begin_object();
    json.field("id", assignment.stage_id).field("name", assignment.stage_name);
    json.field("kind", assignment.kind == protocol::StageKind::write ? "write" : "read");
    json.field("safety", safety_of(assignment)).field("project_root", assignment.project_root);
    json.end_object();
}

void write_phases(JsonWriter& json, const protocol::Assignment& assignment)
{
    json.key("phases").begin_array();
    for (const auto& phase : assignment.phases) {
        json.begin_object().field("name", phase.name).string_list("before", phase.before);
        json.string_list("commands", phase.commands).string_list("after", phase.after).end_object();
    }
    json.end_array().string_list("after_run", assignment.after_run);
}

void write_names(JsonWriter& json, const protocol::Assignment& assignment)
{
    json.key("environment").begin_array();
    for (const auto& variable : assignment.variables)
        json.begin_object()
            .field("name", variable.name)
            .flag("secret", variable.secret || variable.sealed)
            .end_object();
    json.end_array().key("files").begin_array();
    for (const auto& file : assignment.files)
        json.begin_object().field("path", file.path).flag("secret", file.sealed).end_object();
    json.end_array();
}

} // namespace

std::string policy_input(
    const protocol::Assignment& assignment, std::string_view image, const PolicyWorker& worker)
{
    JsonWriter json;
    json.begin_object();
    json.key("run").begin_object().field("id", assignment.run_id).field("type", assignment.run_type);
    json.end_object();
    json.key("stack").begin_object().field("id", assignment.stack_id).end_object();
    json.key("source")
        .begin_object()
        .field("git_url", assignment.git_url)
        .field("git_ref", assignment.git_ref);
    json.field("git_commit", assignment.git_commit).end_object();
    write_stage(json, assignment);
    json.field("image", image).field("image_id", assignment.image_id);
    write_phases(json, assignment);
    write_names(json, assignment);
    json.key("worker").begin_object().field("pool", worker.pool).field("hostname", worker.hostname);
    json.field("version", worker.version).string_map("metadata", worker.metadata).end_object();
    return json.end_object().take();
}

} // namespace slipway::launcher
