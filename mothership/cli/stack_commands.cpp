#include "common/file.h"
#include "common/http/url.h"
#include "mothership/cli/archive.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/table.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace slipway::cli {

namespace {

std::string stack_path(const std::string& stack) { return "/api/v1/stacks/" + http::percent_encode(stack); }

/// A file that is gone when the command ends.
class TempFile {
public:
    static Result<TempFile> create()
    {
        std::string name = (std::filesystem::temp_directory_path() / "slipway-push-XXXXXX").string();
        const UniqueFd file{::mkstemp(name.data())};
        if (!file)
            return Error::from_errno("creating a temporary file", errno);
        return TempFile{name};
    }

    TempFile(TempFile&& other) noexcept
        : path_{std::exchange(other.path_, {})}
    {
    }

    TempFile& operator=(TempFile&&) = delete;

    ~TempFile()
    {
        if (!path_.empty())
            ::unlink(path_.c_str());
    }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    explicit TempFile(std::string path)
        : path_{std::move(path)}
    {
    }

    std::string path_;
};

} // namespace

Result<void> create_stack(ApiClient& client, const StackCreateOptions& options)
{
    JsonWriter json;
    json.begin_object().field("name", options.name).field("runner_image", options.image);
    if (!options.pool.empty())
        json.field("pool", options.pool);
    if (!options.project_root.empty())
        json.field("project_root", options.project_root);
    json.flag("autodeploy", options.autodeploy);
    json.key("phases").begin_object().string_list("init", options.init).string_list("plan", options.plan);
    json.string_list("apply", options.apply).end_object();
    json.key("environment").begin_object();
    for (const auto& pair : options.environment) {
        const auto equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos)
            return Error{Errc::invalid_input, "--env \"" + pair + "\": expected NAME=VALUE"};
        json.field(pair.substr(0, equals), pair.substr(equals + 1));
    }
    json.end_object().end_object();
    const Answer answer = SLIPWAY_TRY(client.send("POST", "/api/v1/stacks", json.text()));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const std::string id = SLIPWAY_TRY(document.root().string("id"));
    std::printf("stack %s\n", printable(id).c_str());
    if (options.pool.empty())
        std::printf(
            "nothing runs until a pool is attached: slipway stack attach %s --pool POOL\n", id.c_str());
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
    const auto file = SLIPWAY_TRY(TempFile::create());
    const std::uint64_t entries = SLIPWAY_TRY(pack_directory(directory, file.path()));
    const std::uint64_t size = std::filesystem::file_size(file.path());
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    const auto progress = [&](std::uint64_t sent) {
        if (terminal)
            std::fprintf(stderr, "\r%s of %s", format_size(sent).c_str(), format_size(size).c_str());
    };
    const auto answer = client.upload(stack_path(stack) + "/source", file.path(), progress);
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
