#include "common/clock.h"
#include "common/file.h"
#include "common/http/url.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/table.h"

#include <cstdio>

namespace slipway::cli {

namespace {

constexpr std::size_t kMaxCsr = 64 * 1024;

std::int64_t now_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock{}.wall().time_since_epoch())
        .count();
}

std::string metadata_text(const JsonValue& worker)
{
    std::string text;
    const auto metadata = worker.string_map("metadata");
    if (!metadata)
        return "-";
    for (const auto& [name, value] : *metadata)
        text += (text.empty() ? "" : ",") + printable(name) + "=" + printable(value);
    return text.empty() ? "-" : text;
}

} // namespace

Result<void> create_pool(ApiClient& client, const PoolCreateOptions& options)
{
    const std::string csr = SLIPWAY_TRY(in("--csr", read_file(options.csr, kMaxCsr)));
    if (std::filesystem::exists(options.out))
        return Error{
            Errc::conflict, "--out: " + options.out.string() + " exists; a token is never overwritten"};
    JsonWriter json;
    json.begin_object().field("name", options.name).field("csr", csr).end_object();
    const Answer answer = SLIPWAY_TRY(client.send("POST", "/api/v1/pools", json.text()));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const JsonValue pool = document.root();
    const std::string token = SLIPWAY_TRY(pool.string("token"));
    const std::string id = SLIPWAY_TRY(pool.string("id"));
    const std::string fingerprint = SLIPWAY_TRY(pool.string("fingerprint"));
    SLIPWAY_TRY(in("--out", replace_file(options.out, token + "\n", Durability::host)));

    std::filesystem::path key = options.csr;
    key.replace_extension(".key");
    std::printf("pool \"%s\" (%s)\n", printable(options.name).c_str(), printable(id).c_str());
    std::printf("fingerprint of its key: SHA256:%s\n", printable(fingerprint).c_str());
    std::printf("token: %s (keep it with the key; it is not shown again)\n\n", options.out.c_str());
    std::printf("Next, on each worker:\n");
    std::printf("  export SPACELIFT_TOKEN=$(cat %s)\n", options.out.c_str());
    std::printf("  export SPACELIFT_POOL_PRIVATE_KEY=$(cat %s | base64)\n", key.c_str());
    std::printf("  slipway-launcher\n");
    return {};
}

Result<void> list_pools(ApiClient& client, bool json)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/pools"));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto pools = SLIPWAY_TRY(document.root().at("pools"));
    std::vector<std::vector<std::string>> rows{{"NAME", "ID", "WORKERS", "BUSY", "PENDING", "FINGERPRINT"}};
    for (const auto& pool : SLIPWAY_TRY(pools.elements())) {
        rows.push_back(
            {printable(SLIPWAY_TRY(pool.string("name"))), printable(SLIPWAY_TRY(pool.string("id"))),
                std::to_string(SLIPWAY_TRY(pool.integer_or("workers", 0))),
                std::to_string(SLIPWAY_TRY(pool.integer_or("busy", 0))),
                std::to_string(SLIPWAY_TRY(pool.integer_or("pending", 0))),
                "SHA256:" + printable(SLIPWAY_TRY(pool.string_or("fingerprint", ""))).substr(0, 16)});
    }
    if (rows.size() == 1)
        std::fputs("no pools yet: slipway pool create --help\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

Result<void> list_workers(ApiClient& client, const std::string& pool, bool json)
{
    const std::string filter = pool.empty() ? "" : "?pool=" + http::percent_encode(pool);
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/workers" + filter));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto workers = SLIPWAY_TRY(document.root().at("workers"));
    std::vector<std::vector<std::string>> rows{
        {"ID", "POOL", "HOST", "BUSY", "LAST SEEN", "METADATA", "STATUS"}};
    for (const auto& worker : SLIPWAY_TRY(workers.elements())) {
        const bool silent = SLIPWAY_TRY(worker.boolean_or("silent", false)) == JsonValue::Boolean::yes;
        rows.push_back({printable(SLIPWAY_TRY(worker.string("id"))),
            printable(SLIPWAY_TRY(worker.string_or("pool_name", ""))),
            printable(SLIPWAY_TRY(worker.string_or("hostname", ""))),
            std::to_string(SLIPWAY_TRY(worker.integer_or("held", 0))) + "/"
                + std::to_string(SLIPWAY_TRY(worker.integer_or("capacity", 1))),
            format_age(SLIPWAY_TRY(worker.integer_or("last_seen_ms", 0)), now_ms()), metadata_text(worker),
            coloured_state(SLIPWAY_TRY(worker.string("status"))) + (silent ? " (silent)" : "")});
    }
    if (rows.size() == 1)
        std::fputs("no workers: start slipway-launcher with the token and the key of a pool\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

} // namespace slipway::cli
