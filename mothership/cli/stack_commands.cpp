#include "common/base64.h"
#include "common/file.h"
#include "common/http/url.h"
#include "common/protocol/git_source.h"
#include "mothership/cli/archive.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/sealing.h"
#include "mothership/cli/secret_input.h"
#include "mothership/cli/table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace slipway::cli {

namespace {

std::string stack_path(const std::string& stack) { return "/api/v1/stacks/" + http::percent_encode(stack); }

/// A file without a name, gone when it is closed.
Result<UniqueFd> temporary_file()
{
    std::error_code failure;
    const auto directory = std::filesystem::temp_directory_path(failure);
    if (failure)
        return Error::from_errno("looking for the directory for temporary files (TMPDIR)", failure.value());
    std::string name = (directory / "slipway-push-XXXXXX").string();
    UniqueFd file{::mkostemp(name.data(), O_CLOEXEC)};
    if (!file || ::unlink(name.c_str()) != 0)
        return Error::from_errno("creating a temporary file in " + directory.string(), errno);
    return file;
}

using Commands = std::map<std::string, std::vector<std::string>>;
using Variables = std::map<std::string, std::string>;

constexpr std::size_t kMaxSecret = 512 * 1024;

/// What the control plane takes together, so that what is not given is sent as it is.
struct Draft {
    Commands phases;
    Commands hooks;
    Variables environment;
    Variables sealed; ///< Base64 of envelopes.
    std::string sealed_for;
};

Result<Commands> read_commands(const JsonValue& stack, std::string_view name)
{
    Commands all;
    if (const auto object = SLIPWAY_TRY(stack.find(name)))
        for (const auto& [key, commands] : SLIPWAY_TRY(object->members()))
            all[key] = SLIPWAY_TRY(object->string_list(key));
    return all;
}

Result<Draft> read_draft(const JsonValue& stack)
{
    Draft draft;
    draft.phases = SLIPWAY_TRY(read_commands(stack, "phases"));
    draft.hooks = SLIPWAY_TRY(read_commands(stack, "hooks"));
    const auto plain = SLIPWAY_TRY(stack.string_map("environment"));
    draft.environment = {plain.begin(), plain.end()};
    const auto sealed = SLIPWAY_TRY(stack.string_map("sealed_environment"));
    draft.sealed = {sealed.begin(), sealed.end()};
    draft.sealed_for = SLIPWAY_TRY(stack.string_or("sealed_for", ""));
    return draft;
}

/// NAME=VALUE pairs; of two with the same name the last counts.
Result<void> add_variables(const std::vector<std::string>& pairs, Draft& draft)
{
    for (const auto& pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos)
            return Error{Errc::invalid_input, "--env \"" + pair + "\": expected NAME=VALUE"};
        const std::string name = pair.substr(0, equals);
        draft.environment[name] = pair.substr(equals + 1);
        draft.sealed.erase(name);
    }
    return {};
}

/// The value of NAME=@FILE, NAME or NAME=VALUE.
Result<Secret> read_secret(const std::string& given, const std::string& name)
{
    if (name.size() == given.size())
        return without_line_end(SLIPWAY_TRY(read_secret_input(name, kMaxSecret)));
    const std::string value = given.substr(name.size() + 1);
    if (value.starts_with('@'))
        return without_line_end(
            SLIPWAY_TRY(in("--secret-env " + name, read_secret_file(value.substr(1), kMaxSecret))));
    std::fprintf(stderr,
        "the value of %s was on the command line, where others of this machine can see it and the shell "
        "keeps it: "
        "better --secret-env %s=@FILE, or --secret-env %s alone\n",
        printable(name).c_str(), printable(name).c_str(), printable(name).c_str());
    return Secret{value};
}

Result<void> add_secrets(
    ApiClient& client, const StackOptions& options, const std::string& pool_of_stack, Draft& draft)
{
    if (options.secrets.empty())
        return {};
    if (pool_of_stack.empty())
        return Error{Errc::conflict,
            "--secret-env: the stack has no pool that a secret could be sealed for: slipway stack attach "
                + options.name + " --pool POOL"};
    const auto pool = SLIPWAY_TRY(sealing_pool(client, pool_of_stack, options.pool_key));
    for (const auto& given : options.secrets) {
        const std::string name = given.substr(0, given.find('='));
        const Secret value = SLIPWAY_TRY(read_secret(given, name));
        draft.sealed[name] = base64_encode(SLIPWAY_TRY(seal_for(pool, name, value.reveal())));
        draft.environment.erase(name);
    }
    draft.sealed_for = pool.id;
    return {};
}

Result<void> change_draft(
    ApiClient& client, const StackOptions& options, const std::string& pool, Draft& draft)
{
    const std::array<std::pair<std::string, const std::vector<std::string>*>, 4> phases{
        {{"init", &options.init}, {"plan", &options.plan}, {"apply", &options.apply},
            {"destroy", &options.destroy}}};
    for (const auto& [name, commands] : phases)
        if (!commands->empty())
            draft.phases[name] = *commands;
    for (const auto& [name, commands] : options.hooks)
        if (!commands.empty())
            draft.hooks[name] = commands;
    for (const auto& name : options.unset) {
        const auto removed = draft.environment.erase(name) + draft.sealed.erase(name);
        if (removed == 0)
            return Error{Errc::not_found, "--unset-env " + name + ": the stack has no such variable"};
    }
    SLIPWAY_TRY(add_variables(options.environment, draft));
    return add_secrets(client, options, pool, draft);
}

/// A hook or a phase that is given as one empty command is taken away.
void write_commands(JsonWriter& json, std::string_view name, const Commands& all)
{
    json.key(name).begin_object();
    for (const auto& [key, commands] : all)
        if (commands != std::vector<std::string>{""})
            json.string_list(key, commands);
    json.end_object();
}

/// Before anything is sent: the URL may hold a password.
Result<void> check_git(const StackOptions& options)
{
    if (options.git && !options.git->empty())
        SLIPWAY_TRY(in("--git", protocol::check_git_url(*options.git)));
    return options.ref ? in("--ref", protocol::check_git_ref(*options.ref)) : Result<void>{};
}

void write_draft(JsonWriter& json, const StackOptions& options, const Draft& draft)
{
    if (!options.image.empty())
        json.field("runner_image", options.image);
    if (!options.project_root.empty())
        json.field("project_root", options.project_root);
    if (options.git)
        json.field("git_url", *options.git);
    if (options.ref || (options.git && options.git->empty()))
        json.field("git_ref", options.ref.value_or(""));
    if (options.autodeploy)
        json.flag("autodeploy", *options.autodeploy);
    if (!options.workflow.empty())
        json.field("workflow", options.workflow);
    if (options.manage_state)
        json.flag("manage_state", *options.manage_state);
    write_commands(json, "phases", draft.phases);
    write_commands(json, "hooks", draft.hooks);
    json.string_map("environment", {draft.environment.begin(), draft.environment.end()});
    json.string_map("sealed_environment", {draft.sealed.begin(), draft.sealed.end()});
    json.field("sealed_for", draft.sealed_for);
}

} // namespace

Result<void> create_stack(ApiClient& client, const StackOptions& options)
{
    SLIPWAY_TRY(check_git(options));
    Draft draft;
    SLIPWAY_TRY(change_draft(client, options, options.pool, draft));
    JsonWriter json;
    json.begin_object().field("name", options.name).field("kind", options.kind);
    if (!options.pool.empty())
        json.field("pool", options.pool);
    write_draft(json, options, draft);
    json.end_object();
    const Answer answer = SLIPWAY_TRY(client.send("POST", "/api/v1/stacks", json.text()));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const std::string id = SLIPWAY_TRY(document.root().string("id"));
    std::printf("%s %s\n", options.kind.c_str(), printable(id).c_str());
    if (options.pool.empty())
        std::printf("nothing runs until a pool is attached: slipway %s attach %s --pool POOL\n",
            options.kind.c_str(), printable(id).c_str());
    return {};
}

Result<void> set_stack(ApiClient& client, const StackOptions& options)
{
    SLIPWAY_TRY(check_git(options));
    const Answer before = SLIPWAY_TRY(client.get(stack_path(options.name)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(before.body, {.max_bytes = 16U << 20U}));
    Draft draft = SLIPWAY_TRY(read_draft(document.root()));
    const std::string pool = SLIPWAY_TRY(document.root().string_or("pool_id", ""));
    SLIPWAY_TRY(change_draft(client, options, pool, draft));
    JsonWriter json;
    json.begin_object();
    write_draft(json, options, draft);
    json.end_object();
    SLIPWAY_TRY(client.send("PATCH", stack_path(options.name), json.text()));
    std::printf(
        "%s %s is changed; the next run takes it\n", options.kind.c_str(), printable(options.name).c_str());
    return {};
}

Result<void> attach_stack(ApiClient& client, const std::string& stack, const std::string& pool)
{
    JsonWriter json;
    json.begin_object().field("pool", pool).end_object();
    SLIPWAY_TRY(client.send("PATCH", stack_path(stack), json.text()));
    std::printf("%s runs in the pool %s\n", printable(stack).c_str(), printable(pool).c_str());
    return {};
}

Result<void> push_stack(ApiClient& client, const std::string& stack, const std::filesystem::path& directory)
{
    // A refusal comes before the work; in the middle of the upload it could be lost with the connection.
    SLIPWAY_TRY(client.get(stack_path(stack)));
    const UniqueFd file = SLIPWAY_TRY(temporary_file());
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    const std::uint64_t entries = SLIPWAY_TRY(pack_directory(directory, path));

    struct stat info { };

    if (::fstat(file.get(), &info) != 0)
        return Error::from_errno("looking at the archive", errno);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    const auto progress = [&](std::uint64_t sent) {
        if (terminal)
            std::fprintf(stderr, "\r%s of %s", format_size(sent).c_str(), format_size(size).c_str());
    };
    const auto answer = client.upload(stack_path(stack) + "/source", path, progress);
    if (terminal)
        std::fputs("\r\033[K", stderr);
    const Answer pushed = SLIPWAY_TRY(answer);
    const auto document = SLIPWAY_TRY(JsonDocument::parse(pushed.body));
    std::printf("pushed %llu entries, %s, as version %lld of %s\n", static_cast<unsigned long long>(entries),
        format_size(size).c_str(), static_cast<long long>(SLIPWAY_TRY(document.root().integer("version"))),
        printable(stack).c_str());
    return {};
}

Result<void> list_stacks(ApiClient& client, const std::string& kind, bool json)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/stacks"));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto stacks = SLIPWAY_TRY(document.root().at("stacks"));
    std::vector<std::vector<std::string>> rows{{"ID", "POOL", "IMAGE", "SOURCE"}};
    for (const auto& stack : SLIPWAY_TRY(stacks.elements())) {
        if (SLIPWAY_TRY(stack.string_or("kind", "stack")) != kind)
            continue;
        const auto source = SLIPWAY_TRY(stack.find("source"));
        std::string pushed = "nothing pushed";
        if (const auto git = SLIPWAY_TRY(stack.string_or("git_url", "")); !git.empty()) {
            const auto ref = SLIPWAY_TRY(stack.string_or("git_ref", ""));
            pushed = printable(git) + (ref.empty() ? "" : " at " + printable(ref));
        } else if (source) {
            const auto size = static_cast<std::uint64_t>(SLIPWAY_TRY(source->integer("size", 0)));
            pushed = "version " + std::to_string(SLIPWAY_TRY(source->integer("version"))) + ", "
                + format_size(size);
        }
        std::string pool = SLIPWAY_TRY(stack.string_or("pool_name", ""));
        rows.push_back(
            {printable(SLIPWAY_TRY(stack.string("id"))), pool.empty() ? "(none attached)" : printable(pool),
                printable(SLIPWAY_TRY(stack.string_or("runner_image", ""))), pushed});
    }
    if (rows.size() == 1)
        std::fprintf(stderr, "no %ss yet: slipway %s create --help\n", kind.c_str(), kind.c_str());
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

} // namespace slipway::cli
