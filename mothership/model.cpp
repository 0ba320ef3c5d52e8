#include "mothership/model.h"

#include "common/base64.h"
#include "common/protocol/git_source.h"
#include "crypto/envelope.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

namespace slipway::mothership {

namespace {

constexpr std::array<std::string_view, 4> kPhases{"init", "plan", "apply", "destroy"};
/// The command of a task comes with its run.
constexpr std::array<std::string_view, 5> kStoredPhases{"init", "plan", "apply", "destroy", "perform"};
constexpr std::array<std::string_view, 11> kHooks{"before_init", "after_init", "before_plan", "after_plan",
    "before_apply", "after_apply", "before_destroy", "after_destroy", "before_perform", "after_perform",
    "after_run"};
constexpr std::array<std::string_view, 4> kWorkflows{"custom", "opentofu", "terraform", "ansible"};
constexpr std::size_t kMaxFilePath = 99;
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

/// What is readable of an envelope must say that it is for this variable of this pool.
Result<void> check_sealed_variable(const std::string& name, const std::string& value, const std::string& pool)
{
    const std::string envelope = SLIPWAY_TRY(base64_decode(value));
    const auto info = SLIPWAY_TRY(crypto::read_envelope_info(envelope));
    if (info.context.pool != pool || info.context.object != name)
        return Error{Errc::invalid_input,
            "the envelope was sealed as " + info.context.object + " for pool " + info.context.pool
                + ", not for pool " + pool + " (sealed_for)"};
    return {};
}

Result<void> read_variables(const JsonValue& json, StackSpec& spec)
{
    if (SLIPWAY_TRY(json.find("environment")))
        spec.environment = SLIPWAY_TRY(json.string_map("environment"));
    spec.sealed_for = SLIPWAY_TRY(json.string_or("sealed_for", spec.sealed_for));
    const bool given = SLIPWAY_TRY(json.find("sealed_environment")).has_value();
    if (given)
        spec.sealed_environment = SLIPWAY_TRY(json.string_map("sealed_environment"));
    std::set<std::string> names;
    for (const auto& [name, value] : spec.environment) {
        if (!is_variable_name(name) || value.find('\0') != std::string::npos)
            return Error{Errc::invalid_input,
                json.path() + ".environment: \"" + name
                    + "\" is no name of a variable, or its value holds a NUL byte"};
        names.insert(name);
    }
    for (const auto& [name, value] : spec.sealed_environment) {
        const std::string place = json.path() + ".sealed_environment." + name;
        if (!is_variable_name(name) || !names.insert(name).second)
            return Error{Errc::invalid_input,
                place + ": this is no name of a variable, or the stack has it in environment as well"};
        if (given)
            SLIPWAY_TRY(in(place, check_sealed_variable(name, value, spec.sealed_for)));
    }
    return {};
}

Result<void> read_files(const JsonValue& json, StackSpec& spec)
{
    const auto files = SLIPWAY_TRY(json.find("files"));
    if (!files)
        return {};
    for (const auto& file : SLIPWAY_TRY(files->elements())) {
        StackFile read;
        read.path = SLIPWAY_TRY(file.string("path"));
        read.mode = static_cast<int>(SLIPWAY_TRY(file.integer("mode", 0, 0777)));
        read.sealed = SLIPWAY_TRY(file.boolean("sealed")) == JsonValue::Boolean::yes;
        read.version = SLIPWAY_TRY(file.integer("version", 1));
        read.size = static_cast<std::uint64_t>(SLIPWAY_TRY(file.integer("size", 0)));
        spec.files.push_back(std::move(read));
    }
    return {};
}

Result<void> read_git(const JsonValue& json, StackSpec& spec)
{
    spec.git_url = SLIPWAY_TRY(json.string_or("git_url", spec.git_url));
    spec.git_ref = SLIPWAY_TRY(json.string_or("git_ref", spec.git_ref));
    if (!spec.git_url.empty())
        SLIPWAY_TRY(in(json.path() + ".git_url", protocol::check_git_url(spec.git_url)));
    if (spec.git_url.empty() && !spec.git_ref.empty())
        return Error{Errc::invalid_input, json.path() + ".git_ref: a ref needs a git_url"};
    return in(json.path() + ".git_ref", protocol::check_git_ref(spec.git_ref));
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

bool StackSpec::has_sealed() const
{
    return !sealed_environment.empty()
        || std::any_of(files.begin(), files.end(), [](const auto& file) { return file.sealed; });
}

void write_members(JsonWriter& json, const StackSpec& spec)
{
    json.field("workflow", spec.workflow).flag("manage_state", spec.manage_state);
    json.field("runner_image", spec.runner_image).field("project_root", spec.project_root);
    json.field("git_url", spec.git_url).field("git_ref", spec.git_ref);
    json.flag("autodeploy", spec.autodeploy);
    write_commands(json, "phases", spec.phases);
    write_commands(json, "hooks", spec.hooks);
    json.string_map("environment", spec.environment);
    json.string_map("sealed_environment", spec.sealed_environment).field("sealed_for", spec.sealed_for);
    json.key("files").begin_array();
    for (const auto& file : spec.files) {
        json.begin_object().field("path", file.path).field("mode", std::int64_t{file.mode});
        json.flag("sealed", file.sealed).field("version", file.version);
        json.field("size", static_cast<std::int64_t>(file.size)).end_object();
    }
    json.end_array();
}

std::string to_json(const StackSpec& spec)
{
    JsonWriter json;
    json.begin_object();
    write_members(json, spec);
    return json.end_object().take();
}

namespace {

template <std::size_t N>
Result<void> read_all(const JsonValue& json, const std::array<std::string_view, N>& phases, StackSpec& spec)
{
    spec.workflow = SLIPWAY_TRY(json.string_or("workflow", spec.workflow));
    if (std::find(kWorkflows.begin(), kWorkflows.end(), spec.workflow) == kWorkflows.end())
        return Error{
            Errc::invalid_input, json.path() + ".workflow: expected custom, opentofu, terraform or ansible"};
    spec.manage_state
        = SLIPWAY_TRY(json.boolean_or("manage_state", spec.manage_state)) == JsonValue::Boolean::yes;
    if (spec.manage_state && spec.workflow != "opentofu" && spec.workflow != "terraform")
        return Error{Errc::invalid_input,
            json.path()
                + ".manage_state: only a stack with the workflow opentofu or terraform has a state "
                  "file"};
    spec.runner_image = SLIPWAY_TRY(json.string_or("runner_image", spec.runner_image));
    if (spec.runner_image.size() > 512 || spec.runner_image.find_first_of(" \t\r\n") != std::string::npos)
        return Error{Errc::invalid_input, json.path() + ".runner_image: expected the name of an image"};
    spec.project_root = SLIPWAY_TRY(json.string_or("project_root", spec.project_root));
    SLIPWAY_TRY(check_project_root(json, spec.project_root));
    SLIPWAY_TRY(read_git(json, spec));
    spec.autodeploy = SLIPWAY_TRY(json.boolean_or("autodeploy", spec.autodeploy)) == JsonValue::Boolean::yes;
    SLIPWAY_TRY(read_commands(json, "phases", phases, spec.phases));
    SLIPWAY_TRY(read_commands(json, "hooks", kHooks, spec.hooks));
    return read_variables(json, spec);
}

} // namespace

Result<void> read_members(const JsonValue& json, StackSpec& spec) { return read_all(json, kPhases, spec); }

Result<StackSpec> read_stack_spec(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = text.size()}));
    StackSpec spec;
    SLIPWAY_TRY(read_all(document.root(), kStoredPhases, spec));
    SLIPWAY_TRY(read_files(document.root(), spec));
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

std::string_view to_string(StackKind kind) noexcept { return kind == StackKind::module ? "module" : "stack"; }

std::optional<StackKind> stack_kind_from(std::string_view name) noexcept
{
    if (name == to_string(StackKind::stack))
        return StackKind::stack;
    return name == to_string(StackKind::module) ? std::optional{StackKind::module} : std::nullopt;
}

Result<void> check_file_path(std::string_view path)
{
    const std::filesystem::path parts{path};
    const bool leaves = parts.is_absolute()
        || std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part == ".."; });
    if (path.empty() || path.size() > kMaxFilePath || leaves || path.ends_with('/') || path == "."
        || path.find('\0') != std::string_view::npos)
        return Error{Errc::invalid_input,
            "\"" + std::string{path}
                + "\" is no path of a mounted file: it is relative to the workspace, stays "
                  "in it, and has at most "
                + std::to_string(kMaxFilePath) + " bytes"};
    return {};
}

Result<void> check_sealed_for(const Stack& stack)
{
    if (!stack.spec.has_sealed() || stack.pool_id.empty() || stack.spec.sealed_for == stack.pool_id)
        return {};
    std::string names;
    for (const auto& [name, value] : stack.spec.sealed_environment)
        names.append(names.empty() ? "" : ", ").append(name);
    for (const auto& file : stack.spec.files)
        if (file.sealed)
            names.append(names.empty() ? "" : ", ").append(file.path);
    return Error{Errc::conflict,
        "stack " + stack.id + " has secrets that only pool " + stack.spec.sealed_for + " can read: " + names
            + ". Remove them (slipway stack set --unset-env, slipway stack file remove), attach the other "
              "pool, "
              "and set them again"};
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
