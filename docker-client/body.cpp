#include "docker-client/parse.h"

namespace slipway::docker {

namespace {

void optional_text(JsonWriter& json, std::string_view name, const std::string& text)
{
    if (!text.empty())
        json.field(name, text);
}

void optional_number(JsonWriter& json, std::string_view name, const std::optional<std::int64_t>& number)
{
    if (number)
        json.field(name, *number);
}

void optional_list(JsonWriter& json, std::string_view name, const Strings& list)
{
    if (!list.empty())
        json.string_list(name, list);
}

void write_mounts(JsonWriter& json, const std::vector<Mount>& mounts)
{
    json.key("Mounts").begin_array();
    for (const Mount& mount : mounts) {
        json.begin_object();
        switch (mount.kind) {
        case MountKind::bind:
            json.field("Type", "bind");
            break;
        case MountKind::volume:
            json.field("Type", "volume");
            break;
        }
        json.field("Source", mount.source).field("Target", mount.target).flag("ReadOnly", mount.read_only);
        json.end_object();
    }
    json.end_array();
}

void write_ulimits(JsonWriter& json, const std::vector<Ulimit>& ulimits)
{
    json.key("Ulimits").begin_array();
    for (const Ulimit& limit : ulimits) {
        json.begin_object().field("Name", limit.name).field("Soft", limit.soft).field("Hard", limit.hard);
        json.end_object();
    }
    json.end_array();
}

void write_host_config(JsonWriter& json, const ContainerSpec& spec)
{
    json.key("HostConfig").begin_object();
    write_mounts(json, spec.mounts);
    write_ulimits(json, spec.ulimits);
    if (!spec.tmpfs.empty())
        json.string_map("Tmpfs", spec.tmpfs);
    optional_text(json, "NetworkMode", spec.network_mode);
    optional_text(json, "Runtime", spec.runtime);
    optional_list(json, "CapAdd", spec.cap_add);
    optional_list(json, "CapDrop", spec.cap_drop);
    optional_list(json, "SecurityOpt", spec.security_opt);
    json.flag("Privileged", spec.privileged);
    optional_number(json, "PidsLimit", spec.pids_limit);
    optional_number(json, "Memory", spec.memory_bytes);
    optional_number(json, "NanoCpus", spec.nano_cpus);
    optional_number(json, "ShmSize", spec.shm_bytes);
    if (!spec.log_driver.empty()) {
        json.key("LogConfig").begin_object().field("Type", spec.log_driver);
        json.string_map("Config", spec.log_options).end_object();
    }
    if (spec.init)
        json.flag("Init", *spec.init);
    // Removing is an explicit call, after the exit code was read.
    json.flag("AutoRemove", false);
    json.end_object();
}

} // namespace

std::string create_body(const ContainerSpec& spec)
{
    JsonWriter json;
    json.begin_object().field("Image", spec.image);
    if (spec.entrypoint)
        json.string_list("Entrypoint", *spec.entrypoint);
    if (spec.cmd)
        json.string_list("Cmd", *spec.cmd);
    optional_list(json, "Env", spec.env);
    optional_text(json, "User", spec.user);
    optional_text(json, "WorkingDir", spec.working_dir);
    json.string_map("Labels", spec.labels);
    if (spec.no_healthcheck)
        json.key("Healthcheck").begin_object().string_list("Test", {"NONE"}).end_object();
    optional_text(json, "StopSignal", spec.stop_signal);
    if (spec.stop_timeout)
        json.field("StopTimeout", static_cast<std::int64_t>(spec.stop_timeout->count()));
    json.flag("OpenStdin", spec.open_stdin);
    write_host_config(json, spec);
    if (!spec.network_aliases.empty()) {
        json.key("NetworkingConfig").begin_object().key("EndpointsConfig").begin_object();
        json.key(spec.network_mode).begin_object().string_list("Aliases", spec.network_aliases).end_object();
        json.end_object().end_object();
    }
    return json.end_object().take();
}

std::string label_filters(const StringPairs& labels)
{
    JsonWriter json;
    json.begin_object().key("label").begin_array();
    for (const auto& [name, value] : labels)
        json.value(value.empty() ? name : name + '=' + value);
    return json.end_array().end_object().take();
}

} // namespace slipway::docker
