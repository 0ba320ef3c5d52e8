#include "common/file.h"
#include "common/http/url.h"
#include "mothership/cli/archive.h"
#include "mothership/cli/commands.h"
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

/// NAME=VALUE pairs; of two with the same name the last counts.
Result<void> add_variables(
    const std::vector<std::string>& pairs, std::map<std::string, std::string>& environment)
{
    for (const auto& pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos)
            return Error{Errc::invalid_input, "--env \"" + pair + "\": expected NAME=VALUE"};
        environment[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return {};
}

} // namespace

Result<void> create_stack(ApiClient& client, const StackOptions& options)
{
    JsonWriter json;
    json.begin_object().field("name", options.name).field("runner_image", options.image);
    if (!options.pool.empty())
        json.field("pool", options.pool);
    if (!options.project_root.empty())
        json.field("project_root", options.project_root);
    json.flag("autodeploy", options.autodeploy.value_or(false));
    json.key("phases").begin_object().string_list("init", options.init).string_list("plan", options.plan);
    json.string_list("apply", options.apply).end_object();
    std::map<std::string, std::string> environment;
    SLIPWAY_TRY(add_variables(options.environment, environment));
    json.string_map("environment", {environment.begin(), environment.end()}).end_object();
    const Answer answer = SLIPWAY_TRY(client.send("POST", "/api/v1/stacks", json.text()));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const std::string id = SLIPWAY_TRY(document.root().string("id"));
    std::printf("stack %s\n", printable(id).c_str());
    if (options.pool.empty())
        std::printf("nothing runs until a pool is attached: slipway stack attach %s --pool POOL\n",
            printable(id).c_str());
    return {};
}

Result<void> set_stack(ApiClient& client, const StackOptions& options)
{
    // The control plane takes all phases and variables together: those that are not given are sent as they
    // are.
    const Answer before = SLIPWAY_TRY(client.get(stack_path(options.name)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(before.body, {.max_bytes = 16U << 20U}));
    JsonWriter json;
    json.begin_object();
    if (!options.image.empty())
        json.field("runner_image", options.image);
    if (!options.project_root.empty())
        json.field("project_root", options.project_root);
    if (options.autodeploy)
        json.flag("autodeploy", *options.autodeploy);
    const std::array<std::pair<std::string, const std::vector<std::string>*>, 3> given{
        {{"init", &options.init}, {"plan", &options.plan}, {"apply", &options.apply}}};
    std::map<std::string, std::vector<std::string>> phases;
    if (const auto old = SLIPWAY_TRY(document.root().find("phases")))
        for (const auto& [name, commands] : SLIPWAY_TRY(old->members()))
            phases[name] = SLIPWAY_TRY(old->string_list(name));
    for (const auto& [name, commands] : given)
        if (!commands->empty())
            phases[name] = *commands;
    json.key("phases").begin_object();
    for (const auto& [name, commands] : phases)
        json.string_list(name, commands);
    const auto variables = SLIPWAY_TRY(document.root().string_map("environment"));
    std::map<std::string, std::string> environment{variables.begin(), variables.end()};
    SLIPWAY_TRY(add_variables(options.environment, environment));
    json.end_object().string_map("environment", {environment.begin(), environment.end()}).end_object();
    SLIPWAY_TRY(client.send("PATCH", stack_path(options.name), json.text()));
    std::printf("stack %s is changed; the next run takes it\n", printable(options.name).c_str());
    return {};
}

Result<void> attach_stack(ApiClient& client, const std::string& stack, const std::string& pool)
{
    JsonWriter json;
    json.begin_object().field("pool", pool).end_object();
    SLIPWAY_TRY(client.send("PATCH", stack_path(stack), json.text()));
    std::printf("stack %s runs in the pool %s\n", printable(stack).c_str(), printable(pool).c_str());
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

Result<void> list_stacks(ApiClient& client, bool json)
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
        const auto source = SLIPWAY_TRY(stack.find("source"));
        std::string pushed = "nothing pushed";
        if (source) {
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
        std::fputs("no stacks yet: slipway stack create --help\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

} // namespace slipway::cli
