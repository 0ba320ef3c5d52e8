#include "common/clock.h"
#include "common/file.h"
#include "common/http/url.h"
#include "crypto/envelope.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/secret_input.h"
#include "mothership/cli/table.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace slipway::cli {

namespace {

constexpr std::size_t kMaxKey = 64 * 1024;
constexpr std::size_t kMaxState = 64 * 1024 * 1024;

std::string states_path(const std::string& stack)
{
    return "/api/v1/stacks/" + http::percent_encode(stack) + "/states";
}

/// What the envelope of a version must say, but for the stack, which is the caller's word: a control plane
/// cannot hand out another stack's state.
struct Version {
    std::int64_t number = 0;
    crypto::EnvelopeContext context;
};

/// `wanted` 0: the newest.
Result<Version> version_of(const JsonValue& list, const std::string& stack, std::int64_t wanted)
{
    const auto states = SLIPWAY_TRY(list.at("states"));
    for (const auto& state : SLIPWAY_TRY(states.elements())) {
        Version version{.number = SLIPWAY_TRY(state.integer("version", 1)), .context = {}};
        if (wanted != 0 && version.number != wanted)
            continue;
        version.context = {.pool = SLIPWAY_TRY(state.string("pool_id")),
            .run = stack,
            .stage = SLIPWAY_TRY(state.string("stage_id")),
            .fence = static_cast<std::uint64_t>(SLIPWAY_TRY(state.integer("fence", 0))),
            .object = "state"};
        return version;
    }
    return Error{Errc::not_found,
        wanted == 0 ? "stack " + stack + " has no state yet"
                    : "stack " + stack + " has no state " + std::to_string(wanted)
                + ": slipway stack state list " + stack};
}

Result<Secret> open_state(std::string_view envelope, const crypto::EnvelopeContext& context,
    const std::vector<std::string>& key_files)
{
    crypto::OpenOptions options{.context = context, .keys = {}, .makers = {}};
    for (const auto& file : key_files) {
        const Secret pem = SLIPWAY_TRY(in("--private-key-file", read_secret_file(file, kMaxKey)));
        options.keys.push_back(
            SLIPWAY_TRY(in("--private-key-file " + file, crypto::PrivateKey::from_base64_pem(pem.reveal()))));
        options.makers.push_back(options.keys.back().public_key());
    }
    std::string plain;
    plain.reserve(envelope.size());
    crypto::Opener opener{options, [&](std::string_view bytes) -> Result<void> {
                              plain.append(bytes);
                              return {};
                          }};
    auto opened = opener.push(envelope);
    if (opened)
        opened = opener.finish();
    Secret state = Secret::take(plain);
    if (!opened)
        return std::move(opened).error();
    return state;
}

Result<void> write_out(const std::string& path, std::string_view bytes)
{
    if (path == "-")
        return in("writing to standard output", write_all(STDOUT_FILENO, bytes));
    const UniqueFd file
        = SLIPWAY_TRY(in("--out", open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)));
    return in("--out " + path, write_all(file.get(), bytes));
}

} // namespace

Result<void> list_states(ApiClient& client, const std::string& stack, bool json)
{
    const Answer answer = SLIPWAY_TRY(client.get(states_path(stack)));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto now
        = std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock{}.wall().time_since_epoch());
    std::vector<std::vector<std::string>> rows{{"VERSION", "RUN", "SIZE", "CREATED", "NOTE"}};
    const auto states = SLIPWAY_TRY(document.root().at("states"));
    for (const auto& state : SLIPWAY_TRY(states.elements()))
        rows.push_back({std::to_string(SLIPWAY_TRY(state.integer("version"))),
            printable(SLIPWAY_TRY(state.string("run_id"))),
            format_size(static_cast<std::uint64_t>(SLIPWAY_TRY(state.integer("size", 0)))),
            format_age(SLIPWAY_TRY(state.integer("created_ms")), now.count()),
            printable(SLIPWAY_TRY(state.string_or("note", "")))});
    if (rows.size() == 1)
        std::fputs("no state yet: the first run that writes one makes it\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

Result<void> pull_state(ApiClient& client, const StatePullOptions& options)
{
    const Answer list = SLIPWAY_TRY(client.get(states_path(options.stack)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(list.body, {.max_bytes = 16U << 20U}));
    const auto version = SLIPWAY_TRY(version_of(document.root(), options.stack, options.version));
    const Answer sealed
        = SLIPWAY_TRY(client.get(states_path(options.stack) + "/" + std::to_string(version.number)));
    if (sealed.body.size() > kMaxState)
        return Error{Errc::exhausted, "the state is larger than 64 MiB"};
    const Secret state = SLIPWAY_TRY(open_state(sealed.body, version.context, options.key_files));
    return write_out(options.out, state.reveal());
}

Result<void> roll_back_state(ApiClient& client, const std::string& stack, std::int64_t version)
{
    const Answer answer = SLIPWAY_TRY(
        client.send("POST", states_path(stack) + "/" + std::to_string(version) + "/rollback", "{}"));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    std::printf("stack %s has version %lld of its state as version %lld now\n", printable(stack).c_str(),
        static_cast<long long>(version),
        static_cast<long long>(SLIPWAY_TRY(document.root().integer("version"))));
    return {};
}

Result<void> save_rescue(ApiClient& client, const std::string& run, const std::string& out)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/runs/" + http::percent_encode(run) + "/rescue"));
    SLIPWAY_TRY(write_out(out, answer.body));
    if (out != "-")
        std::printf(
            "open it where the pool's key is: slipway-launcher decrypt %s --private-key-file KEY --out DIR\n",
            printable(out).c_str());
    return {};
}

Result<void> show_outputs(ApiClient& client, const std::string& run, const std::string& sealed_out)
{
    const std::string path = "/api/v1/runs/" + http::percent_encode(run) + "/outputs";
    if (!sealed_out.empty())
        return write_out(sealed_out, SLIPWAY_TRY(client.get(path + "/sealed")).body);
    const Answer answer = SLIPWAY_TRY(client.get(path));
    const auto document
        = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 4U << 20U, .max_depth = 100}));
    std::printf("%s\n", document.root().dump().c_str()); // of JSON, controls are escaped
    return {};
}

} // namespace slipway::cli
