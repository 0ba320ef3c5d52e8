#include "mothership/model.h"

#include <algorithm>
#include <array>

namespace slipway::mothership {

namespace {

constexpr std::array<std::string_view, 4> kPhases{"init", "plan", "apply", "destroy"};
constexpr std::array<std::string_view, 9> kHooks{"before_init", "after_init", "before_plan", "after_plan",
    "before_apply", "after_apply", "before_destroy", "after_destroy", "after_run"};
constexpr std::size_t kMaxSlug = 64;
constexpr std::size_t kMaxSpecBytes = 1024 * 1024;

using Commands = std::map<std::string, std::vector<std::string>>;

void write_commands(JsonWriter& json, std::string_view name, const Commands& commands)
{
    json.key(name).begin_object();
    for (const auto& [key, list] : commands)
        json.string_list(key, list);
    json.end_object();
}

template <std::size_t N>
Result<void> read_commands(const JsonValue& json, std::string_view name,
    const std::array<std::string_view, N>& known, Commands& commands)
{
    const auto object = SLIPWAY_TRY(json.find(name));
    if (!object)
        return {};
    Commands read;
    for (const auto& [key, value] : SLIPWAY_TRY(object->members())) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            std::string list;
            for (const auto word : known)
                list.append(list.empty() ? "" : ", ").append(word);
            return Error{Errc::invalid_input, object->path() + "." + key + ": is none of " + list};
        }
        std::vector<std::string> commands_of_key = SLIPWAY_TRY(object->string_list(key));
        for (const auto& command : commands_of_key)
            if (command.empty() || command.find('\0') != std::string::npos)
                return Error{Errc::invalid_input, value.path() + ": a command is empty or holds a NUL byte"};
        if (!commands_of_key.empty())
            read[key] = std::move(commands_of_key);
    }
    commands = std::move(read);
    return {};
}

bool is_variable_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= 256
        && name.find_first_of(std::string_view{"=\0", 2}) == std::string_view::npos;
}

Result<void> check_project_root(const JsonValue& json, const std::string& path)
{
    const bool climbs = path == ".." || path.starts_with("../") || path.ends_with("/..")
        || path.find("/../") != std::string::npos;
    if (path.starts_with('/') || climbs || path.find('\0') != std::string::npos || path.size() > 1024)
        return Error{Errc::invalid_input,
            json.path() + ".project_root: expected a directory within the sources, relative to their top"};
    return {};
}

} // namespace

void write_members(JsonWriter& json, const StackSpec& spec)
{
    json.field("runner_image", spec.runner_image).field("project_root", spec.project_root);
    json.flag("autodeploy", spec.autodeploy);
    write_commands(json, "phases", spec.phases);
    write_commands(json, "hooks", spec.hooks);
    json.string_map("environment", spec.environment);
}

std::string to_json(const StackSpec& spec)
{
    JsonWriter json;
    json.begin_object();
    write_members(json, spec);
    return json.end_object().take();
}

Result<void> read_members(const JsonValue& json, StackSpec& spec)
{
    spec.runner_image = SLIPWAY_TRY(json.string_or("runner_image", spec.runner_image));
    if (spec.runner_image.size() > 512 || spec.runner_image.find_first_of(" \t\r\n") != std::string::npos)
        return Error{Errc::invalid_input, json.path() + ".runner_image: expected the name of an image"};
    spec.project_root = SLIPWAY_TRY(json.string_or("project_root", spec.project_root));
    SLIPWAY_TRY(check_project_root(json, spec.project_root));
    spec.autodeploy = SLIPWAY_TRY(json.boolean_or("autodeploy", spec.autodeploy)) == JsonValue::Boolean::yes;
    SLIPWAY_TRY(read_commands(json, "phases", kPhases, spec.phases));
    SLIPWAY_TRY(read_commands(json, "hooks", kHooks, spec.hooks));
    if (SLIPWAY_TRY(json.find("environment"))) {
        spec.environment = SLIPWAY_TRY(json.string_map("environment"));
        for (const auto& [name, value] : spec.environment)
            if (!is_variable_name(name) || value.find('\0') != std::string::npos)
                return Error{Errc::invalid_input,
                    json.path() + ".environment: \"" + name
                        + "\" is no name of a variable, or its value holds a NUL byte"};
    }
    return {};
}

Result<StackSpec> read_stack_spec(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = text.size()}));
    StackSpec spec;
    SLIPWAY_TRY(read_members(document.root(), spec));
    return spec;
}

Result<void> check_size(const StackSpec& spec)
{
    const std::size_t size = to_json(spec).size();
    if (size > kMaxSpecBytes)
        return Error{Errc::exhausted,
            "phases, hooks and environment of a stack may have " + std::to_string(kMaxSpecBytes)
                + " bytes together as JSON, these have " + std::to_string(size)
                + ": put long scripts into the sources"};
    return {};
}

std::string slug_of(std::string_view name)
{
    std::string slug;
    for (const char c : name) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            slug += upper ? static_cast<char>(c - 'A' + 'a') : c;
        else if (!slug.empty() && slug.back() != '-')
            slug += '-';
    }
    slug.resize(std::min(slug.size(), kMaxSlug));
    while (slug.ends_with('-'))
        slug.pop_back();
    return slug;
}

} // namespace slipway::mothership
