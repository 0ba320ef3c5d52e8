#include "mothership/people_api.h"

#include "common/ulid.h"
#include "crypto/digest.h"

#include <charconv>

namespace slipway::mothership {

namespace {

constexpr std::string_view kKeyPrefix = "slk_";
constexpr std::size_t kUlidSize = 26;
constexpr std::size_t kKeyBytes = 32;
constexpr std::uint64_t kMaxStackBytes = 2 * 1024 * 1024;
/// A mounted file in its envelope.
constexpr std::uint64_t kMaxFileBytes = 2 * 1024 * 1024 + 128 * 1024;
constexpr std::uint64_t kMaxSourceBytes = 1024 * 1024 * 1024;

std::string key_hash(std::string_view text) { return crypto::sha256(text).hex(); }

} // namespace

NewApiKey make_api_key(std::string name, const Clock& clock, Random& random)
{
    std::string secret = random_hex(random, kKeyBytes);
    NewApiKey key;
    key.record.id = make_ulid(clock, random);
    key.record.name = std::move(name);
    key.record.created_ms
        = std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall().time_since_epoch()).count();
    std::string text = std::string{kKeyPrefix} + key.record.id + "_" + secret;
    wipe(secret);
    key.record.hash = key_hash(text);
    key.text = Secret::take(text);
    return key;
}

http::Reply unknown_key_reply()
{
    return http::Reply::problem(401,
        "this needs an API key that the server knows: Authorization: Bearer slk_…; slipway login stores one",
        "key")
        .with("WWW-Authenticate", "Bearer");
}

Result<std::int64_t> query_number_or(
    const http::Request& request, std::string_view name, std::int64_t fallback, std::int64_t max)
{
    const auto text = request.query_value(name);
    if (!text)
        return fallback;
    std::int64_t value = 0;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
    if (text->empty() || read.ec != std::errc{} || read.ptr != text->data() + text->size() || value < 0
        || value > max)
        return Error{Errc::invalid_input,
            "the query's " + std::string{name} + " is to be a whole number from 0 to " + std::to_string(max)};
    return value;
}

Result<std::optional<ApiKey>> PeopleApi::key_of(const http::Request& request)
{
    const std::string_view text = request.bearer();
    if (!text.starts_with(kKeyPrefix) || text.size() < kKeyPrefix.size() + kUlidSize)
        return std::optional<ApiKey>{};
    const std::string id{text.substr(kKeyPrefix.size(), kUlidSize)};
    if (!is_ulid(id))
        return std::optional<ApiKey>{};
    auto key = SLIPWAY_TRY(plane_.look([&](Transaction& records) { return records.api_key(id); }));
    return key && Secret{key->hash}.equals(key_hash(text)) ? std::move(key) : std::optional<ApiKey>{};
}

Result<std::optional<http::Reply>> PeopleApi::refuse_stranger(const http::Request& request)
{
    return SLIPWAY_TRY(key_of(request)) ? std::optional<http::Reply>{} : std::optional{unknown_key_reply()};
}

void PeopleApi::add(http::Router& router, std::string_view method, std::string_view pattern, Handle handle,
    std::optional<std::uint64_t> body_limit)
{
    router.add(method, pattern,
        [this, handle](const http::Request& request) -> Result<http::Reply> {
            auto refusal = SLIPWAY_TRY(refuse_stranger(request));
            return refusal ? *std::move(refusal) : (this->*handle)(request);
        },
        {.body_limit = body_limit,
            .guard = [this](const http::Request& request) { return refuse_stranger(request); }});
}

void PeopleApi::add_routes(http::Router& router)
{
    router.add("GET", "/healthz", [this](const http::Request&) { return health(); });
    add(router, "GET", "/api/v1/session", &PeopleApi::session);
    add(router, "POST", "/api/v1/pools", &PeopleApi::create_pool);
    add(router, "GET", "/api/v1/pools", &PeopleApi::list_pools);
    add(router, "GET", "/api/v1/workers", &PeopleApi::list_workers);
    add(router, "POST", "/api/v1/stacks", &PeopleApi::create_stack, kMaxStackBytes);
    add(router, "GET", "/api/v1/stacks", &PeopleApi::list_stacks);
    add(router, "GET", "/api/v1/stacks/{id}", &PeopleApi::show_stack);
    add(router, "PATCH", "/api/v1/stacks/{id}", &PeopleApi::change_stack, kMaxStackBytes);
    router.add_sink("PUT", "/api/v1/stacks/{id}/source",
        [this](const http::Request& request) { return upload_source(request); },
        {.body_limit = kMaxSourceBytes});
    add(router, "PUT", "/api/v1/stacks/{id}/files", &PeopleApi::put_file, kMaxFileBytes);
    add(router, "DELETE", "/api/v1/stacks/{id}/files", &PeopleApi::remove_file);
    add(router, "GET", "/api/v1/stacks/{id}/states", &PeopleApi::list_states);
    add(router, "GET", "/api/v1/stacks/{id}/states/{version}", &PeopleApi::read_state);
    add(router, "POST", "/api/v1/stacks/{id}/states/{version}/rollback", &PeopleApi::roll_back_state);
    add_run_routes(router);
}

void PeopleApi::add_run_routes(http::Router& router)
{
    add(router, "POST", "/api/v1/stacks/{id}/runs", &PeopleApi::create_run);
    add(router, "GET", "/api/v1/runs", &PeopleApi::list_runs);
    add(router, "GET", "/api/v1/runs/{id}", &PeopleApi::show_run);
    add(router, "POST", "/api/v1/runs/{id}/confirm", &PeopleApi::confirm);
    add(router, "POST", "/api/v1/runs/{id}/discard", &PeopleApi::discard);
    add(router, "POST", "/api/v1/runs/{id}/stop", &PeopleApi::stop);
    add(router, "POST", "/api/v1/runs/{id}/release", &PeopleApi::release);
    add(router, "POST", "/api/v1/runs/{id}/declare-lost", &PeopleApi::declare_lost);
    add(router, "GET", "/api/v1/runs/{id}/logs", &PeopleApi::read_logs);
    add(router, "GET", "/api/v1/runs/{id}/rescue", &PeopleApi::read_rescue);
    add(router, "GET", "/api/v1/runs/{id}/outputs", &PeopleApi::read_outputs);
    add(router, "GET", "/api/v1/runs/{id}/outputs/sealed", &PeopleApi::read_sealed_outputs);
}

Result<http::Reply> PeopleApi::health()
{
    const auto meta = plane_.look([](Transaction& records) { return records.meta(); });
    if (meta)
        return http::Reply::json(200, R"({"status":"ok"})");
    plane_.logger().error("the store does not answer", meta.error());
    return http::Reply::problem(503, "the store does not answer; the server's log says why");
}

Result<http::Reply> PeopleApi::session(const http::Request& request)
{
    const auto key = SLIPWAY_TRY(key_of(request));
    if (!key)
        return unknown_key_reply();
    JsonWriter json;
    json.begin_object().field("key_id", key->id).field("key_name", key->name);
    json.field("server_version", identity_.version).field("server_name", identity_.name).end_object();
    return http::Reply::json(200, json.take());
}

} // namespace slipway::mothership
