#include "common/file.h"
#include "common/http/url.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/sealing.h"
#include "mothership/cli/secret_input.h"
#include "mothership/cli/table.h"

#include <array>
#include <cstdio>

namespace slipway::cli {

namespace {

constexpr std::size_t kMaxMountedFile = 2 * 1024 * 1024;

std::string files_path(const std::string& stack, const std::string& path)
{
    return "/api/v1/stacks/" + http::percent_encode(stack) + "/files?path=" + http::percent_encode(path);
}

/// The pool that runs a stack: what its secrets are sealed for.
Result<SealingPool> pool_of_stack(
    ApiClient& client, const std::string& stack, const std::filesystem::path& key_file)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/stacks/" + http::percent_encode(stack)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const std::string pool = SLIPWAY_TRY(document.root().string_or("pool_id", ""));
    if (pool.empty())
        return Error{Errc::conflict,
            "stack " + stack + " has no pool that a secret could be sealed for: slipway stack attach " + stack
                + " --pool POOL"};
    return sealing_pool(client, pool, key_file);
}

} // namespace

Result<void> set_stack_file(ApiClient& client, const StackFileOptions& options)
{
    const std::string mode = options.mode.empty() ? (options.secret ? "600" : "644") : options.mode;
    std::string body;
    if (options.secret) {
        const auto pool = SLIPWAY_TRY(pool_of_stack(client, options.stack, options.pool_key));
        const Secret plain = SLIPWAY_TRY(options.file == "-"
                ? read_secret_input("content of " + options.path, kMaxMountedFile)
                : read_secret_file(options.file, kMaxMountedFile));
        body = SLIPWAY_TRY(seal_for(pool, options.path, plain.reveal()));
    } else {
        body = SLIPWAY_TRY(read_file(options.file == "-" ? "/dev/stdin" : options.file, kMaxMountedFile));
    }
    const std::string path = files_path(options.stack, options.path) + "&mode=" + http::percent_encode(mode)
        + "&sealed=" + (options.secret ? "true" : "false");
    SLIPWAY_TRY(client.put(path, body));
    std::printf("stack %s has %s%s; the next run takes it\n", printable(options.stack).c_str(),
        printable(options.path).c_str(), options.secret ? ", sealed" : "");
    return {};
}

Result<void> remove_stack_file(ApiClient& client, const std::string& stack, const std::string& path)
{
    SLIPWAY_TRY(client.remove(files_path(stack, path)));
    std::printf("stack %s has %s no more\n", printable(stack).c_str(), printable(path).c_str());
    return {};
}

Result<void> list_stack_files(ApiClient& client, const std::string& stack)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/stacks/" + http::percent_encode(stack)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    std::vector<std::vector<std::string>> rows{{"PATH", "MODE", "SEALED", "SIZE"}};
    const auto files = SLIPWAY_TRY(document.root().at("files"));
    for (const auto& file : SLIPWAY_TRY(files.elements())) {
        std::array<char, 8> mode{};
        (void)std::snprintf(mode.data(), mode.size(), "%03llo",
            static_cast<unsigned long long>(SLIPWAY_TRY(file.integer("mode", 0, 0777))));
        const bool sealed = SLIPWAY_TRY(file.boolean("sealed")) == JsonValue::Boolean::yes;
        rows.push_back({printable(SLIPWAY_TRY(file.string("path"))), mode.data(), sealed ? "yes" : "no",
            format_size(static_cast<std::uint64_t>(SLIPWAY_TRY(file.integer("size", 0))))});
    }
    if (rows.size() == 1)
        std::fputs("no mounted files: slipway stack file set --help\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

} // namespace slipway::cli
