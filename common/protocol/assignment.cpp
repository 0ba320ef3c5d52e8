#include "common/protocol/assignment.h"

#include "common/protocol/git_source.h"
#include "common/ulid.h"

#include <limits>
#include <string_view>

namespace slipway::protocol {

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::string_view name_of(StageKind kind) noexcept { return kind == StageKind::read ? "read" : "write"; }

std::string_view name_of(SafetyClass safety) noexcept
{
    return safety == SafetyClass::trusted ? "trusted" : "proposed";
}

Error unknown(const JsonValue& json, std::string_view key, const std::string& value)
{
    return {Errc::invalid_input, json.path() + "." + std::string{key} + ": \"" + value + "\" is unknown"};
}

Result<std::string> ulid(const JsonValue& json, std::string_view key)
{
    std::string id = SLIPWAY_TRY(json.string(key));
    if (!is_ulid(id))
        return Error{Errc::invalid_input, json.path() + "." + std::string{key} + ": expected a ULID"};
    return id;
}

/// Blob and stage names become parts of paths and URLs.
Result<std::string> name_or_empty(const JsonValue& json, std::string_view key)
{
    std::string name = SLIPWAY_TRY(json.string_or(key, ""));
    const bool good = name.size() <= 128
        && name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
            == std::string::npos
        && !name.starts_with('.');
    if (!good)
        return Error{Errc::invalid_input, json.path() + "." + std::string{key} + ": expected a plain name"};
    return name;
}

Result<Phase> read_phase(const JsonValue& json)
{
    Phase phase;
    phase.name = SLIPWAY_TRY(json.string("name"));
    phase.before = SLIPWAY_TRY(json.string_list("before"));
    phase.commands = SLIPWAY_TRY(json.string_list("commands"));
    phase.after = SLIPWAY_TRY(json.string_list("after"));
    phase.always = SLIPWAY_TRY(json.boolean_or("always", false)) == JsonValue::Boolean::yes;
    return phase;
}

Result<Variable> read_variable(const JsonValue& json)
{
    Variable variable;
    variable.name = SLIPWAY_TRY(json.string("name"));
    if (variable.name.empty() || variable.name.find_first_of(std::string_view{"=\0", 2}) != std::string::npos)
        return Error{Errc::invalid_input, json.path() + ".name: not a name of a variable"};
    variable.value = SLIPWAY_TRY(json.string("value"));
    if (variable.value.find('\0') != std::string::npos)
        return Error{Errc::invalid_input, json.path() + ".value: holds a NUL byte"};
    variable.sealed = SLIPWAY_TRY(json.boolean_or("sealed", false)) == JsonValue::Boolean::yes;
    variable.secret
        = variable.sealed || SLIPWAY_TRY(json.boolean_or("secret", false)) == JsonValue::Boolean::yes;
    return variable;
}

Result<MountedFile> read_file(const JsonValue& json)
{
    MountedFile file;
    file.path = SLIPWAY_TRY(json.string("path"));
    file.content = SLIPWAY_TRY(json.string_or("content", ""));
    file.blob = SLIPWAY_TRY(name_or_empty(json, "blob"));
    file.sealed = SLIPWAY_TRY(json.boolean_or("sealed", false)) == JsonValue::Boolean::yes;
    file.mode = static_cast<int>(SLIPWAY_TRY(json.integer_or("mode", 0644, 0, 0777)));
    return file;
}

Result<StageLimits> read_limits(const JsonValue& json)
{
    StageLimits limits;
    limits.run = SLIPWAY_TRY(json.integer_or("run_ms", 0, 0, kMax));
    limits.silence = SLIPWAY_TRY(json.integer_or("silence_ms", 0, 0, kMax));
    limits.memory_bytes = SLIPWAY_TRY(json.integer_or("memory_bytes", 0, 0, kMax));
    limits.nano_cpus = SLIPWAY_TRY(json.integer_or("nano_cpus", 0, 0, kMax));
    limits.pids = SLIPWAY_TRY(json.integer_or("pids", 0, 0, kMax));
    return limits;
}

template <class T>
Result<std::vector<T>> read_list(
    const JsonValue& json, std::string_view key, Result<T> (*read_one)(const JsonValue&))
{
    std::vector<T> list;
    const auto array = SLIPWAY_TRY(json.find(key));
    if (!array)
        return list;
    for (const auto& element : SLIPWAY_TRY(array->elements())) {
        T one = SLIPWAY_TRY(read_one(element));
        list.push_back(std::move(one));
    }
    return list;
}

Result<void> read_identity(const JsonValue& json, Assignment& a)
{
    a.stage_id = SLIPWAY_TRY(ulid(json, "stage_id"));
    a.run_id = SLIPWAY_TRY(ulid(json, "run_id"));
    a.stack_id = SLIPWAY_TRY(json.string("stack_id"));
    a.pool_id = SLIPWAY_TRY(ulid(json, "pool_id"));
    a.stage_name = SLIPWAY_TRY(name_or_empty(json, "stage_name"));
    a.run_type = SLIPWAY_TRY(json.string("run_type"));
    a.fence = Fence::from_integer(SLIPWAY_TRY(json.integer("fence", 1)));
    const std::string kind = SLIPWAY_TRY(json.string("kind"));
    if (kind != "read" && kind != "write")
        return unknown(json, "kind", kind);
    a.kind = kind == "read" ? StageKind::read : StageKind::write;
    const std::string safety = SLIPWAY_TRY(json.string_or("safety", "proposed"));
    if (safety != "trusted" && safety != "proposed")
        return unknown(json, "safety", safety);
    a.safety = safety == "trusted" ? SafetyClass::trusted : SafetyClass::proposed;
    return {};
}

Result<void> read_git(const JsonValue& json, Assignment& a)
{
    a.git_url = SLIPWAY_TRY(json.string_or("git_url", ""));
    a.git_ref = SLIPWAY_TRY(json.string_or("git_ref", ""));
    a.git_commit = SLIPWAY_TRY(json.string_or("git_commit", ""));
    if (!a.git_url.empty())
        SLIPWAY_TRY(in(json.path() + ".git_url", check_git_url(a.git_url)));
    SLIPWAY_TRY(in(json.path() + ".git_ref", check_git_ref(a.git_ref)));
    if (!a.git_commit.empty() && !is_git_commit(a.git_commit))
        return Error{Errc::invalid_input, json.path() + ".git_commit: expected a whole commit"};
    return {};
}

} // namespace

void write(JsonWriter& json, const Assignment& a)
{
    json.begin_object();
    json.field("stage_id", a.stage_id).field("run_id", a.run_id).field("stack_id", a.stack_id);
    json.field("pool_id", a.pool_id).field("stage_name", a.stage_name).field("run_type", a.run_type);
    json.field("kind", name_of(a.kind))
        .field("fence", a.fence.to_integer())
        .field("safety", name_of(a.safety));
    json.field("image", a.image).field("image_id", a.image_id);
    json.key("phases").begin_array();
    for (const auto& phase : a.phases) {
        json.begin_object().field("name", phase.name).string_list("before", phase.before);
        json.string_list("commands", phase.commands).string_list("after", phase.after);
        json.flag("always", phase.always).end_object();
    }
    json.end_array().string_list("after_run", a.after_run);
    json.key("variables").begin_array();
    for (const auto& variable : a.variables) {
        json.begin_object().field("name", variable.name).field("value", variable.value);
        json.flag("sealed", variable.sealed).flag("secret", variable.secret).end_object();
    }
    json.end_array().key("files").begin_array();
    for (const auto& file : a.files) {
        json.begin_object().field("path", file.path).field("content", file.content).field("blob", file.blob);
        json.flag("sealed", file.sealed).field("mode", std::int64_t{file.mode}).end_object();
    }
    json.end_array().key("limits").begin_object();
    json.field("run_ms", a.limits.run).field("silence_ms", a.limits.silence);
    json.field("memory_bytes", a.limits.memory_bytes).field("nano_cpus", a.limits.nano_cpus);
    json.field("pids", a.limits.pids).end_object();
    json.field("git_url", a.git_url).field("git_ref", a.git_ref).field("git_commit", a.git_commit);
    json.field("source_blob", a.source_blob).field("workspace_in", a.workspace_in);
    json.field("workspace_fence", a.workspace_fence.to_integer()).field("workspace_maker", a.workspace_maker);
    json.field("workflow", a.workflow).flag("manage_state", a.manage_state).field("state_in", a.state_in);
    json.field("state_fence", a.state_fence.to_integer()).field("state_maker", a.state_maker);
    json.flag("keep_workspace", a.keep_workspace)
        .field("project_root", a.project_root)
        .flag("debug", a.debug);
    json.end_object();
}

Result<Assignment> read_assignment(const JsonValue& json)
{
    Assignment a;
    SLIPWAY_TRY(read_identity(json, a));
    a.image = SLIPWAY_TRY(json.string_or("image", ""));
    a.image_id = SLIPWAY_TRY(json.string_or("image_id", ""));
    a.phases = SLIPWAY_TRY(read_list<Phase>(json, "phases", read_phase));
    a.after_run = SLIPWAY_TRY(json.string_list("after_run"));
    a.variables = SLIPWAY_TRY(read_list<Variable>(json, "variables", read_variable));
    a.files = SLIPWAY_TRY(read_list<MountedFile>(json, "files", read_file));
    if (const auto limits = SLIPWAY_TRY(json.find("limits")))
        a.limits = SLIPWAY_TRY(read_limits(*limits));
    SLIPWAY_TRY(read_git(json, a));
    a.source_blob = SLIPWAY_TRY(name_or_empty(json, "source_blob"));
    a.workspace_in = SLIPWAY_TRY(name_or_empty(json, "workspace_in"));
    a.workspace_fence = Fence::from_integer(SLIPWAY_TRY(json.integer_or("workspace_fence", 0, 0)));
    a.workspace_maker = SLIPWAY_TRY(json.string_or("workspace_maker", ""));
    a.workflow = SLIPWAY_TRY(name_or_empty(json, "workflow"));
    a.manage_state = SLIPWAY_TRY(json.boolean_or("manage_state", false)) == JsonValue::Boolean::yes;
    a.state_in = SLIPWAY_TRY(name_or_empty(json, "state_in"));
    a.state_fence = Fence::from_integer(SLIPWAY_TRY(json.integer_or("state_fence", 0, 0)));
    a.state_maker = SLIPWAY_TRY(json.string_or("state_maker", ""));
    a.keep_workspace = SLIPWAY_TRY(json.boolean_or("keep_workspace", false)) == JsonValue::Boolean::yes;
    a.project_root = SLIPWAY_TRY(json.string_or("project_root", ""));
    a.debug = SLIPWAY_TRY(json.boolean_or("debug", false)) == JsonValue::Boolean::yes;
    return a;
}

} // namespace slipway::protocol
