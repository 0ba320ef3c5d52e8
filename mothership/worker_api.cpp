#include "mothership/worker_api.h"

#include "common/http/problem.h"
#include "common/ulid.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "mothership/stages.h"

#include <charconv>

namespace slipway::mothership {

namespace {

constexpr std::uint64_t kMaxBlobBytes = 16ULL * 1024 * 1024 * 1024;
constexpr std::size_t kSessionBytes = 32;

http::Reply foreign_certificate()
{
    return http::Reply::problem(403,
        "the certificate of this connection is of no pool of this server: start the launcher with the token "
        "and the key of one pool of it; slipway pool create makes a new one",
        "certificate");
}

Result<std::optional<Pool>> pool_of(Transaction& records, const http::Request& request)
{
    if (!request.peer.certificate_der)
        return std::optional<Pool>{};
    const auto certificate = SLIPWAY_TRY(crypto::Certificate::from_der(*request.peer.certificate_der));
    auto pool = SLIPWAY_TRY(records.pool_by_certificate(certificate.fingerprint().hex()));
    return pool && certificate.serial() == pool->certificate_serial ? std::move(pool) : std::optional<Pool>{};
}

/// The list of workers shows it to everybody.
Result<void> check_metadata(const protocol::Metadata& metadata)
{
    if (metadata.size() > protocol::kMaxMetadata)
        return Error{Errc::invalid_input,
            "$.metadata: more than " + std::to_string(protocol::kMaxMetadata) + " entries"};
    for (const auto& [name, value] : metadata)
        if (name.size() > protocol::kMaxMetadataName || value.size() > protocol::kMaxMetadataValue)
            return Error{Errc::exhausted,
                "$.metadata." + name.substr(0, protocol::kMaxMetadataName) + ": a name may have "
                    + std::to_string(protocol::kMaxMetadataName) + " bytes and a value "
                    + std::to_string(protocol::kMaxMetadataValue)};
    return {};
}

/// No container of the worker's earlier life exists any more.
Result<void> host_restarted(Work& work, const Worker& worker)
{
    for (auto& stage : SLIPWAY_TRY(work.records.stages_held_by(worker.id)))
        SLIPWAY_TRY(apply_event(work, stage, protocol::server::HostRestarted{.worker = worker.id}));
    return {};
}

Result<Worker> sign_on(
    Work& work, const Pool& pool, const protocol::RegisterRequest& message, std::string hash)
{
    auto known = SLIPWAY_TRY(work.records.worker_by_instance(pool.id, message.instance_id));
    if (known && known->boot_id != message.boot_id)
        SLIPWAY_TRY(host_restarted(work, *known));
    Worker worker = known.value_or(Worker{});
    if (!known) {
        worker.id = work.new_id();
        worker.pool_id = pool.id;
        worker.instance_id = message.instance_id;
    }
    if (worker.session_hash.empty())
        worker.created_ms = work.wall_ms;
    worker.session_hash = std::move(hash);
    worker.boot_id = message.boot_id;
    worker.version = message.version;
    worker.hostname = message.hostname;
    worker.metadata = message.metadata;
    worker.capacity = message.capacity;
    worker.drained = false;
    worker.last_seen_ms = work.wall_ms;
    worker.last_contact = work.now;
    SLIPWAY_TRY(work.records.put_worker(worker));
    work.wake(worker_topic(worker.id));
    return worker;
}

template <class Integer>
Result<Integer> query_number(const http::Request& request, std::string_view name, Integer min)
{
    const auto text = request.query_value(name).value_or("");
    Integer value{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size() || value < min)
        return Error{Errc::invalid_input, "the query needs " + std::string{name} + ", a whole number"};
    return value;
}

} // namespace

http::Reply gone_reply()
{
    return http::Reply::problem(
        410, "this grant of the stage is not the newest one: stop the stage and forget it", "gone");
}

http::Reply not_yet_reply(std::uint64_t durable)
{
    const auto known = static_cast<std::int64_t>(durable);
    JsonWriter json;
    json.begin_object().field("title", http::reason_phrase(409)).field("status", std::int64_t{409});
    json.field("detail", "the log is durable up to " + std::to_string(durable) + ": go on from there");
    json.field("code", "not_yet").field("durable", known).field("expected", known).end_object();
    return http::Reply::bytes(409, http::kProblemContentType, json.take());
}

http::Reply lease_reply(const ControlPlane& plane)
{
    return http::Reply::json(200, protocol::to_json(protocol::LeaseAnswer{.lease = plane.terms().lease}));
}

Result<protocol::Fence> fence_of(const http::Request& request)
{
    return protocol::Fence::from_integer(SLIPWAY_TRY(query_number<std::int64_t>(request, "fence", 1)));
}

Result<std::uint64_t> offset_of(const http::Request& request)
{
    return static_cast<std::uint64_t>(SLIPWAY_TRY(query_number<std::int64_t>(request, "offset", 0)));
}

bool is_blob_name(std::string_view name) noexcept
{
    constexpr std::string_view kGood = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    return !name.empty() && name.size() <= 128 && !name.starts_with('.')
        && name.find_first_not_of(kGood) == std::string_view::npos;
}

Result<std::optional<Stage>> stage_of(Transaction& records, const Pool& pool, const http::Request& request)
{
    const auto id = request.parameter("id");
    if (!is_ulid(id))
        return std::optional<Stage>{};
    auto stage = SLIPWAY_TRY(records.stage(id));
    return stage && stage->pool_id == pool.id ? std::move(stage) : std::optional<Stage>{};
}

Result<std::variant<Caller, http::Reply>> WorkerApi::authenticate(const http::Request& request)
{
    using Answer = std::variant<Caller, http::Reply>;
    const std::string hash = crypto::sha256(request.bearer()).hex();
    return plane_.look([&](Transaction& records) -> Result<Answer> {
        const auto pool = SLIPWAY_TRY(pool_of(records, request));
        if (!pool)
            return Answer{foreign_certificate()};
        auto worker = SLIPWAY_TRY(records.worker_by_session(hash));
        if (!worker || worker->pool_id != pool->id)
            return Answer{http::Reply::problem(401, "this session is over: register again", "session")};
        return Answer{Caller{.pool = *pool, .worker = *std::move(worker)}};
    });
}

Result<std::optional<http::Reply>> WorkerApi::refuse_stranger(const http::Request& request)
{
    auto who = SLIPWAY_TRY(authenticate(request));
    auto* refusal = std::get_if<http::Reply>(&who);
    return refusal ? std::optional{std::move(*refusal)} : std::optional<http::Reply>{};
}

http::Handler WorkerApi::authenticated(Handle handle)
{
    return [this, handle](const http::Request& request) -> Result<http::Reply> {
        auto who = SLIPWAY_TRY(authenticate(request));
        if (auto* refusal = std::get_if<http::Reply>(&who))
            return std::move(*refusal);
        return (this->*handle)(std::get<Caller>(who), request);
    };
}

void WorkerApi::add_routes(http::Router& router)
{
    const std::string stage = std::string{protocol::kStagesPath} + "{id}/";
    const http::Guard guard = [this](const http::Request& request) { return refuse_stranger(request); };
    const http::RouteOptions message{.body_limit = protocol::kMaxMessageBytes, .guard = guard};
    router.require_client_certificate("/worker/");
    router.add("POST", protocol::kRegisterPath,
        [this](const http::Request& request) { return enroll(request); },
        {.body_limit = protocol::kMaxMessageBytes,
            .guard = [this](const http::Request& request) { return refuse_foreign_certificate(request); }});
    router.add("DELETE", protocol::kRegisterPath, authenticated(&WorkerApi::sign_off));
    router.add("POST", protocol::kPollPath, authenticated(&WorkerApi::poll), message);
    router.add("POST", stage + "accept", authenticated(&WorkerApi::accept), message);
    router.add("POST", stage + "decline", authenticated(&WorkerApi::decline), message);
    router.add("POST", stage + "state", authenticated(&WorkerApi::report), message);
    router.add("PUT", stage + "logs", authenticated(&WorkerApi::append_log),
        {.body_limit = protocol::kMaxLogChunkBytes, .guard = guard});
    router.add("GET", stage + "blobs/{name}", authenticated(&WorkerApi::download_blob));
    router.add_sink("PUT", stage + "blobs/{name}",
        [this](const http::Request& request) { return upload_blob(request); }, {.body_limit = kMaxBlobBytes});
}

Result<std::optional<http::Reply>> WorkerApi::refuse_foreign_certificate(const http::Request& request)
{
    const auto pool
        = SLIPWAY_TRY(plane_.look([&](Transaction& records) { return pool_of(records, request); }));
    return pool ? std::optional<http::Reply>{} : std::optional{foreign_certificate()};
}

Result<http::Reply> WorkerApi::enroll(const http::Request& request)
{
    const auto message = SLIPWAY_TRY(protocol::read_register_request(request.body));
    SLIPWAY_TRY(check_metadata(message.metadata));
    const auto pool
        = SLIPWAY_TRY(plane_.look([&](Transaction& records) { return pool_of(records, request); }));
    if (!pool)
        return foreign_certificate();
    SLIPWAY_TRY(plane_.check_seen(message.seen_ms));
    protocol::RegisterResponse answer;
    answer.session = random_hex(plane_.random(), kSessionBytes);
    const std::string hash = crypto::sha256(answer.session).hex();
    const Worker worker
        = SLIPWAY_TRY(plane_.change([&](Work& work) { return sign_on(work, *pool, message, hash); }));
    {
        const std::lock_guard lock{told_mutex_};
        told_.erase(worker.id);
    }
    answer.worker_id = worker.id;
    answer.pool_id = pool->id;
    answer.pool_name = pool->name;
    answer.lease = plane_.terms().lease;
    answer.served_ms = plane_.now();
    answer.wall_ms = plane_.wall_ms();
    plane_.logger().info("a worker registered",
        {{"worker", worker.id}, {"pool", pool->name}, {"hostname", worker.hostname},
            {"version", worker.version}});
    return http::Reply::json(200, protocol::to_json(answer));
}

Result<http::Reply> WorkerApi::sign_off(const Caller& caller, const http::Request&)
{
    const auto decide = [&](Work& work) -> Result<void> {
        for (auto& stage : SLIPWAY_TRY(work.records.stages_held_by(caller.worker.id)))
            SLIPWAY_TRY(apply_event(work, stage, protocol::server::Withdraw{}));
        auto worker = SLIPWAY_TRY(work.records.worker_by_session(caller.worker.session_hash));
        if (!worker)
            return {};
        worker->session_hash.clear();
        return work.records.put_worker(*worker);
    };
    SLIPWAY_TRY(plane_.change_records(decide));
    const std::lock_guard lock{told_mutex_};
    told_.erase(caller.worker.id);
    plane_.logger().info("a worker signed off", {{"worker", caller.worker.id}, {"pool", caller.pool.name}});
    return http::Reply::empty(204);
}

} // namespace slipway::mothership
