#include "mothership/worker_api.h"

#include "common/http/problem.h"
#include "common/ulid.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "mothership/stages.h"

#include <algorithm>
#include <charconv>

namespace slipway::mothership {

namespace {

constexpr std::uint64_t kMaxBlobBytes = 16ULL * 1024 * 1024 * 1024;
constexpr std::size_t kSessionBytes = 32;
/// Polls of a worker within a lease, at least.
constexpr Millis kPollsOfLease = 4;

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
    // The handshake has checked it, and the hash of all its bytes tells it from every other: nothing of it
    // need be read, which would cost more than all the rest of a call.
    return records.pool_by_certificate(crypto::sha256(*request.peer.certificate_der).hex());
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

/// Refuses when the instance was heard of a moment ago under another boot id and may be changing
/// infrastructure: a host that has restarted is silent, so this is a second one.
Result<std::optional<http::Reply>> refuse_at_work(
    Work& work, const Worker& known, const protocol::RegisterRequest& message)
{
    const bool alive = !known.session_hash.empty() && work.now - known.last_contact <= kSilentAfter;
    if (known.boot_id == message.boot_id || !alive)
        return std::optional<http::Reply>{};
    const auto held = SLIPWAY_TRY(work.records.stages_held_by(known.id));
    const bool writes = std::ranges::any_of(held, [](const Stage& stage) {
        return stage.core.kind == protocol::StageKind::write
            && stage.core.phase == protocol::ServerPhase::started;
    });
    if (!writes)
        return std::optional<http::Reply>{};
    return std::optional{http::Reply::problem(503,
        "this worker is at work on " + known.hostname + " (boot " + known.boot_id
            + "). If that host has restarted, it is taken back when its earlier boot has been silent for "
            + std::to_string(kSilentAfter / 1000)
            + " s. If this is a copy of it, remove the file `instance` from the state directory here",
        "at_work")};
}

struct SignOn {
    Worker worker;
    std::optional<http::Reply> refusal;
};

Result<SignOn> sign_on(
    Work& work, const Pool& pool, const protocol::RegisterRequest& message, const std::string& hash)
{
    auto known = SLIPWAY_TRY(work.records.worker_by_instance(pool.id, message.instance_id));
    if (known)
        if (auto refusal = SLIPWAY_TRY(refuse_at_work(work, *known, message)))
            return SignOn{.worker = *known, .refusal = std::move(refusal)};
    Worker worker = known.value_or(Worker{});
    if (!known) {
        worker.id = work.new_id();
        worker.pool_id = pool.id;
        worker.instance_id = message.instance_id;
    }
    note_registration(worker.registrations,
        {.process = message.process.empty() ? message.hostname + "/" + message.boot_id : message.process,
            .hostname = message.hostname,
            .boot_id = message.boot_id},
        work.now);
    work.wake(worker_topic(worker.id));
    if (worker.registrations.clones(work.now)) {
        worker.session_hash.clear();
        SLIPWAY_TRY(work.records.put_worker(worker));
        return SignOn{.worker = worker,
            .refusal = http::Reply::problem(403, clones_text(worker.registrations), "clone")};
    }
    if (known && known->boot_id != message.boot_id)
        SLIPWAY_TRY(host_restarted(work, *known));
    if (worker.session_hash.empty())
        worker.created_ms = work.wall_ms;
    worker.session_hash = hash;
    worker.boot_id = message.boot_id;
    worker.version = message.version;
    worker.hostname = message.hostname;
    worker.metadata = message.metadata;
    worker.capacity = message.capacity;
    worker.drained = false;
    worker.rests_until = 0; // what made it decline may be over
    worker.last_seen_ms = work.wall_ms;
    worker.last_contact = work.now;
    SLIPWAY_TRY(work.records.put_worker(worker));
    return SignOn{.worker = std::move(worker), .refusal = {}};
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

http::Reply session_over_reply()
{
    return http::Reply::problem(401, "this session is over: register again", "session");
}

Result<Worker> current_worker(Transaction& records, const Caller& caller)
{
    auto worker = SLIPWAY_TRY(records.worker_by_session(caller.worker.session_hash));
    if (!worker)
        return Error{Errc::rejected, "the session has ended meanwhile"};
    return *std::move(worker);
}

http::Reply gone_reply()
{
    return http::Reply::problem(
        410, "this grant of the stage is not the newest one: stop the stage and forget it", "gone");
}

http::Reply forgotten_reply()
{
    return http::Reply::problem(503,
        "the control plane was restored from a backup that does not know this stage: keep what you have of "
        "it until an operator has looked",
        "forgotten");
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
            return Answer{session_over_reply()};
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
        auto reply = (this->*handle)(std::get<Caller>(who), request);
        if (!reply && reply.error().code() == Errc::rejected)
            return session_over_reply();
        return reply;
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
    SLIPWAY_TRY(plane_.check_seen(message.seen_ms, message.seen_mark));
    protocol::RegisterResponse answer;
    answer.session = random_hex(plane_.random(), kSessionBytes);
    const std::string hash = crypto::sha256(answer.session).hex();
    auto signed_on
        = SLIPWAY_TRY(plane_.change([&](Work& work) { return sign_on(work, *pool, message, hash); }));
    const Worker& worker = signed_on.worker;
    if (signed_on.refusal) {
        plane_.logger().error("a worker is refused: its instance runs elsewhere too",
            {{"worker", worker.id}, {"pool", pool->name}, {"hostname", message.hostname},
                {"boot", message.boot_id}, {"known", clones_text(worker.registrations)}});
        return *std::move(signed_on.refusal);
    }
    {
        const std::lock_guard lock{dealings_mutex_};
        dealings_.erase(worker.id);
    }
    answer.worker_id = worker.id;
    answer.pool_id = pool->id;
    answer.pool_name = pool->name;
    answer.lease = plane_.terms().lease;
    // A lease is renewed by the poll after the one that waits.
    answer.poll_wait = std::min(answer.poll_wait, answer.lease / kPollsOfLease);
    answer.server_id = plane_.server_id();
    answer.served_ms = plane_.now();
    answer.served_mark = plane_.mark_of(answer.served_ms);
    answer.wall_ms = plane_.wall_ms();
    plane_.logger().info("a worker registered",
        {{"worker", worker.id}, {"pool", pool->name}, {"hostname", worker.hostname},
            {"version", worker.version}});
    return http::Reply::json(200, protocol::to_json(answer));
}

Result<http::Reply> WorkerApi::sign_off(const Caller& caller, const http::Request&)
{
    const auto decide = [&](Work& work) -> Result<void> {
        Worker worker = SLIPWAY_TRY(current_worker(work.records, caller));
        for (auto& stage : SLIPWAY_TRY(work.records.stages_held_by(worker.id)))
            SLIPWAY_TRY(apply_event(work, stage, protocol::server::Withdraw{}));
        worker.session_hash.clear();
        return work.records.put_worker(worker);
    };
    SLIPWAY_TRY(plane_.change_records(decide));
    const std::lock_guard lock{dealings_mutex_};
    dealings_.erase(caller.worker.id);
    plane_.logger().info("a worker signed off", {{"worker", caller.worker.id}, {"pool", caller.pool.name}});
    return http::Reply::empty(204);
}

} // namespace slipway::mothership
