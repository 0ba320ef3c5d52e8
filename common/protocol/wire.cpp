#include "common/protocol/wire.h"

#include "common/protocol/git_source.h"
#include "common/ulid.h"

#include <array>
#include <limits>

namespace slipway::protocol {

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr Millis kMaxWait = 60'000;
constexpr std::size_t kMaxHeld = 1000;
constexpr std::size_t kMaxMark = 128;

template <class E> struct Name {
    E value;
    std::string_view name;
};

constexpr std::array<Name<Outcome>, 4> kOutcomes{{{Outcome::none, "none"}, {Outcome::succeeded, "succeeded"},
    {Outcome::failed, "failed"}, {Outcome::lost, "lost"}}};
constexpr std::array<Name<StageEvent>, 4> kEvents{{{StageEvent::preparing, "preparing"},
    {StageEvent::started, "started"}, {StageEvent::phase, "phase"}, {StageEvent::finished, "finished"}}};
constexpr std::array<Name<CommandKind>, 5> kCommands{
    {{CommandKind::stop, "stop"}, {CommandKind::kill, "kill"}, {CommandKind::drain, "drain"},
        {CommandKind::undrain, "undrain"}, {CommandKind::cycle, "cycle"}}};

template <class E, std::size_t N>
std::string_view name_of(const std::array<Name<E>, N>& names, E value) noexcept
{
    for (const auto& entry : names)
        if (entry.value == value)
            return entry.name;
    return names[0].name;
}

template <class E, std::size_t N>
Result<E> read_name(const std::array<Name<E>, N>& names, const JsonValue& json, std::string_view key)
{
    const std::string text = SLIPWAY_TRY(json.string(key));
    for (const auto& entry : names)
        if (entry.name == text)
            return entry.value;
    return Error{Errc::invalid_input, json.path() + "." + std::string{key} + ": \"" + text + "\" is unknown"};
}

Result<Fence> read_fence(const JsonValue& json)
{
    return Fence::from_integer(SLIPWAY_TRY(json.integer("fence", 1)));
}

Result<std::string> read_ulid(const JsonValue& json, std::string_view key)
{
    std::string id = SLIPWAY_TRY(json.string(key));
    if (!is_ulid(id))
        return Error{Errc::invalid_input, json.path() + "." + std::string{key} + ": expected a ULID"};
    return id;
}

Result<std::string> read_short(const JsonValue& json, std::string_view key, std::size_t max)
{
    std::string text = SLIPWAY_TRY(json.string_or(key, ""));
    if (text.size() > max)
        return Error{Errc::invalid_input,
            json.path() + "." + std::string{key} + ": longer than " + std::to_string(max) + " bytes"};
    return text;
}

void write_held(JsonWriter& json, std::string_view name, const std::vector<HeldStage>& list)
{
    json.key(name).begin_array();
    for (const auto& held : list) {
        json.begin_object().field("stage_id", held.stage_id).field("fence", held.fence.to_integer());
        json.flag("started", held.started).end_object();
    }
    json.end_array();
}

Result<std::vector<HeldStage>> read_held(const JsonValue& json, std::string_view key)
{
    std::vector<HeldStage> list;
    const auto array = SLIPWAY_TRY(json.find(key));
    if (!array)
        return list;
    const auto elements = SLIPWAY_TRY(array->elements());
    if (elements.size() > kMaxHeld)
        return Error{Errc::invalid_input, array->path() + ": too many entries"};
    for (const auto& element : elements) {
        HeldStage held;
        held.stage_id = SLIPWAY_TRY(read_ulid(element, "stage_id"));
        held.fence = SLIPWAY_TRY(read_fence(element));
        held.started = SLIPWAY_TRY(element.boolean_or("started", false)) == JsonValue::Boolean::yes;
        list.push_back(std::move(held));
    }
    return list;
}

template <class Request> Result<void> read_seen(const JsonValue& json, Request& request)
{
    request.seen_ms = SLIPWAY_TRY(json.integer_or("seen_ms", 0, 0, kMax));
    request.seen_mark = SLIPWAY_TRY(read_short(json, "seen_mark", kMaxMark));
    return {};
}

Result<JsonDocument> parse(std::string_view text)
{
    return JsonDocument::parse(text, {.max_bytes = kMaxMessageBytes});
}

} // namespace

std::string_view to_string(Outcome outcome) noexcept { return name_of(kOutcomes, outcome); }

std::string_view to_string(StageEvent event) noexcept { return name_of(kEvents, event); }

std::string_view to_string(CommandKind kind) noexcept { return name_of(kCommands, kind); }

void write(JsonWriter& json, const RegisterRequest& m)
{
    json.begin_object().field("instance_id", m.instance_id).field("boot_id", m.boot_id);
    json.field("version", m.version)
        .field("hostname", m.hostname)
        .field("capacity", std::int64_t{m.capacity});
    json.string_map("metadata", m.metadata).field("process", m.process);
    json.field("seen_ms", m.seen_ms).field("seen_mark", m.seen_mark).end_object();
}

Result<RegisterRequest> read_register_request(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    const JsonValue json = document.root();
    RegisterRequest m;
    m.instance_id = SLIPWAY_TRY(read_ulid(json, "instance_id"));
    m.boot_id = SLIPWAY_TRY(read_short(json, "boot_id", 64));
    m.version = SLIPWAY_TRY(read_short(json, "version", 64));
    m.hostname = SLIPWAY_TRY(read_short(json, "hostname", 255));
    m.capacity = static_cast<int>(SLIPWAY_TRY(json.integer_or("capacity", 1, 1, 1000)));
    m.metadata = SLIPWAY_TRY(json.string_map("metadata"));
    m.process = SLIPWAY_TRY(read_short(json, "process", kMaxMark));
    SLIPWAY_TRY(read_seen(json, m));
    return m;
}

void write(JsonWriter& json, const RegisterResponse& m)
{
    json.begin_object().field("worker_id", m.worker_id).field("session", m.session);
    json.field("pool_id", m.pool_id).field("pool_name", m.pool_name).field("poll_wait_ms", m.poll_wait);
    json.field("lease_ms", m.lease).field("server_id", m.server_id).field("served_ms", m.served_ms);
    json.field("served_mark", m.served_mark).field("wall_ms", m.wall_ms).end_object();
}

Result<RegisterResponse> read_register_response(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    const JsonValue json = document.root();
    RegisterResponse m;
    m.worker_id = SLIPWAY_TRY(read_ulid(json, "worker_id"));
    m.session = SLIPWAY_TRY(json.string("session"));
    m.pool_id = SLIPWAY_TRY(read_ulid(json, "pool_id"));
    m.pool_name = SLIPWAY_TRY(json.string_or("pool_name", ""));
    m.poll_wait = SLIPWAY_TRY(json.integer_or("poll_wait_ms", m.poll_wait, 0, kMaxWait));
    m.lease = SLIPWAY_TRY(json.integer_or("lease_ms", m.lease, kMinLease, kMaxLease));
    m.server_id = SLIPWAY_TRY(read_short(json, "server_id", kMaxMark));
    m.served_ms = SLIPWAY_TRY(json.integer_or("served_ms", 0, 0, kMax));
    m.served_mark = SLIPWAY_TRY(read_short(json, "served_mark", kMaxMark));
    m.wall_ms = SLIPWAY_TRY(json.integer_or("wall_ms", 0, 0, kMax));
    return m;
}

void write(JsonWriter& json, const PollRequest& m)
{
    json.begin_object();
    write_held(json, "held", m.held);
    json.field("free_places", std::int64_t{m.free_places}).flag("draining", m.draining);
    json.field("wait_ms", m.wait).field("seen_ms", m.seen_ms);
    json.field("seen_mark", m.seen_mark).field("number", m.number).end_object();
}

Result<PollRequest> read_poll_request(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    const JsonValue json = document.root();
    PollRequest m;
    m.held = SLIPWAY_TRY(read_held(json, "held"));
    m.free_places = static_cast<int>(SLIPWAY_TRY(json.integer_or("free_places", 0, 0, 1000)));
    m.draining = SLIPWAY_TRY(json.boolean_or("draining", false)) == JsonValue::Boolean::yes;
    m.wait = SLIPWAY_TRY(json.integer_or("wait_ms", 0, 0, kMaxWait));
    SLIPWAY_TRY(read_seen(json, m));
    m.number = SLIPWAY_TRY(json.integer_or("number", 0, 0));
    return m;
}

void write(JsonWriter& json, const PollResponse& m)
{
    json.begin_object();
    write_held(json, "renewed", m.renewed);
    write_held(json, "gone", m.gone);
    json.key("offers").begin_array();
    for (const auto& offer : m.offers)
        write(json, offer);
    json.end_array().key("commands").begin_array();
    for (const auto& command : m.commands) {
        json.begin_object().field("kind", to_string(command.kind)).field("stage_id", command.stage_id);
        json.end_object();
    }
    json.end_array().field("lease_ms", m.lease).field("served_ms", m.served_ms);
    json.field("served_mark", m.served_mark).end_object();
}

namespace {

Result<Command> read_command(const JsonValue& json)
{
    Command command;
    command.kind = SLIPWAY_TRY(read_name(kCommands, json, "kind"));
    command.stage_id = SLIPWAY_TRY(json.string_or("stage_id", ""));
    return command;
}

Unreadable unreadable_offer(const JsonValue& json, const Error& error)
{
    const auto stage_id = read_ulid(json, "stage_id");
    const auto fence = read_fence(json);
    if (!stage_id || !fence)
        return {.stage_id = {}, .fence = {}, .why = error.message()};
    return {.stage_id = *stage_id, .fence = *fence, .why = error.message()};
}

} // namespace

Result<PollResponse> read_poll_response(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = 4 * kMaxAssignmentBytes}));
    const JsonValue json = document.root();
    PollResponse m;
    m.renewed = SLIPWAY_TRY(read_held(json, "renewed"));
    m.gone = SLIPWAY_TRY(read_held(json, "gone"));
    if (const auto offers = SLIPWAY_TRY(json.find("offers"))) {
        for (const auto& element : SLIPWAY_TRY(offers->elements())) {
            if (auto offer = read_assignment(element))
                m.offers.push_back(*std::move(offer));
            else
                m.unreadable.push_back(unreadable_offer(element, offer.error()));
        }
    }
    if (const auto commands = SLIPWAY_TRY(json.find("commands"))) {
        for (const auto& element : SLIPWAY_TRY(commands->elements())) {
            if (auto command = read_command(element))
                m.commands.push_back(*std::move(command));
            else
                m.unreadable.push_back({.stage_id = {}, .fence = {}, .why = command.error().message()});
        }
    }
    m.lease = SLIPWAY_TRY(json.integer_or("lease_ms", m.lease, kMinLease, kMaxLease));
    m.served_ms = SLIPWAY_TRY(json.integer_or("served_ms", 0, 0, kMax));
    m.served_mark = SLIPWAY_TRY(read_short(json, "served_mark", kMaxMark));
    return m;
}

void write(JsonWriter& json, const AcceptRequest& m)
{
    json.begin_object().field("fence", m.fence.to_integer()).field("run_limit_ms", m.run_limit).end_object();
}

Result<AcceptRequest> read_accept_request(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    AcceptRequest m;
    m.fence = SLIPWAY_TRY(read_fence(document.root()));
    m.run_limit = SLIPWAY_TRY(document.root().integer("run_limit_ms", 1, kMaxRunLimit));
    return m;
}

void write(JsonWriter& json, const DeclineRequest& m)
{
    json.begin_object().field("fence", m.fence.to_integer()).field("reason", m.reason).end_object();
}

Result<DeclineRequest> read_decline_request(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    DeclineRequest m;
    m.fence = SLIPWAY_TRY(read_fence(document.root()));
    m.reason = SLIPWAY_TRY(read_short(document.root(), "reason", 4096));
    return m;
}

void write(JsonWriter& json, const StateReport& m)
{
    json.begin_object().field("fence", m.fence.to_integer()).field("sequence", m.sequence);
    json.field("event", to_string(m.event)).field("phase", m.phase).field("image_id", m.image_id);
    json.field("outcome", to_string(m.outcome)).field("exit_code", std::int64_t{m.exit_code});
    json.field("cause", m.cause).field("message", m.message).field("workspace", m.workspace);
    json.field("log_end", static_cast<std::int64_t>(m.log_end)).field("commit", m.commit).end_object();
}

Result<StateReport> read_state_report(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    const JsonValue json = document.root();
    StateReport m;
    m.fence = SLIPWAY_TRY(read_fence(json));
    m.sequence = SLIPWAY_TRY(json.integer("sequence", 0));
    m.event = SLIPWAY_TRY(read_name(kEvents, json, "event"));
    m.phase = SLIPWAY_TRY(read_short(json, "phase", 64));
    m.image_id = SLIPWAY_TRY(read_short(json, "image_id", kMaxImageReference));
    m.outcome = SLIPWAY_TRY(read_name(kOutcomes, json, "outcome"));
    if (m.event == StageEvent::finished && m.outcome == Outcome::none)
        return Error{Errc::invalid_input, "$.outcome: a finished stage has one"};
    m.exit_code = static_cast<int>(SLIPWAY_TRY(json.integer_or("exit_code", -1, -1, 255)));
    m.cause = SLIPWAY_TRY(read_short(json, "cause", 64));
    m.message = SLIPWAY_TRY(read_short(json, "message", 16384));
    m.workspace = SLIPWAY_TRY(read_short(json, "workspace", 128));
    m.log_end = static_cast<std::uint64_t>(SLIPWAY_TRY(json.integer_or("log_end", 0, 0)));
    m.commit = SLIPWAY_TRY(json.string_or("commit", ""));
    if (!m.commit.empty() && !is_git_commit(m.commit))
        return Error{Errc::invalid_input, "$.commit: expected the name of a commit, 40 or 64 digits"};
    return m;
}

void write(JsonWriter& json, const LeaseAnswer& m)
{
    json.begin_object().field("lease_ms", m.lease).end_object();
}

Result<LeaseAnswer> read_lease_answer(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    return LeaseAnswer{.lease = SLIPWAY_TRY(document.root().integer("lease_ms", kMinLease, kMaxLease))};
}

void write(JsonWriter& json, const LogAnswer& m)
{
    json.begin_object().field("durable", static_cast<std::int64_t>(m.durable)).end_object();
}

Result<LogAnswer> read_log_answer(std::string_view text)
{
    const auto document = SLIPWAY_TRY(parse(text));
    return LogAnswer{
        .durable = static_cast<std::uint64_t>(SLIPWAY_TRY(document.root().integer("durable", 0)))};
}

} // namespace slipway::protocol
