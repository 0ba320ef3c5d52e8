#include "mothership/people_api.h"
#include "mothership/stages.h"

#include <charconv>

namespace slipway::mothership {

namespace {

constexpr std::string_view kOctets = "application/octet-stream";

void write_state(JsonWriter& json, const StateVersion& state)
{
    json.begin_object().field("version", state.version).field("pool_id", state.pool_id);
    json.field("run_id", state.run_id).field("stage_id", state.stage_id);
    json.field("fence", state.fence.to_integer()).field("size", static_cast<std::int64_t>(state.size));
    json.field("created_ms", state.created_ms).field("note", state.note).end_object();
}

Result<StateVersion> state_of(Transaction& records, const http::Request& request)
{
    const Stack stack = SLIPWAY_TRY(stack_of(records, request));
    const auto text = request.parameter("version");
    std::int64_t version = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
    const bool good = read.ec == std::errc{} && read.ptr == text.data() + text.size() && version > 0;
    auto state = good ? SLIPWAY_TRY(records.state(stack.id, version)) : std::optional<StateVersion>{};
    if (!state)
        return Error{Errc::not_found,
            "stack " + stack.id + " has no state " + std::string{text} + ": slipway stack state list "
                + stack.id};
    return *std::move(state);
}

} // namespace

Result<http::Reply> PeopleApi::list_states(const http::Request& request)
{
    const auto look = [&](Transaction& records) -> Result<std::string> {
        const Stack stack = SLIPWAY_TRY(stack_of(records, request));
        JsonWriter json;
        json.begin_object().key("states").begin_array();
        for (const auto& state : SLIPWAY_TRY(records.states(stack.id)))
            write_state(json, state);
        return json.end_array().end_object().take();
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.look(look)));
}

Result<http::Reply> PeopleApi::read_state(const http::Request& request)
{
    const auto state
        = SLIPWAY_TRY(plane_.look([&](Transaction& records) { return state_of(records, request); }));
    return http::Reply::file(200, kOctets, SLIPWAY_TRY(blobs_.open(state.file)));
}

Result<http::Reply> PeopleApi::roll_back_state(const http::Request& request)
{
    const auto decide = [&](Work& work) -> Result<std::string> {
        StateVersion state = SLIPWAY_TRY(state_of(work.records, request));
        if (const auto run = SLIPWAY_TRY(work.records.locking_run(state.stack_id)))
            return Error{Errc::conflict,
                "run " + run->id
                    + " has the stack's lock, which is the lock of its state: wait for its end, or "
                      "discard or stop it"};
        state.note = "rolled back to version " + std::to_string(state.version);
        state.created_ms = work.wall_ms;
        SLIPWAY_TRY(work.records.add_state(state));
        JsonWriter json;
        write_state(json, state);
        return json.take();
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.change(decide)));
}

namespace {

/// The file of a blob that a stage of the run has left; `not_found` with `missing` after the run's name.
Result<std::string> left_by(
    Transaction& records, const http::Request& request, std::string_view name, std::string_view missing)
{
    const Run run = SLIPWAY_TRY(run_of(records, request));
    for (const auto& stage : SLIPWAY_TRY(records.stages_of_run(run.id)))
        if (const auto blob = SLIPWAY_TRY(records.blob(stage.id, name)))
            return blob->file;
    return Error{Errc::not_found, "run " + run.id + std::string{missing}};
}

} // namespace

Result<http::Reply> PeopleApi::read_rescue(const http::Request& request)
{
    const auto file = SLIPWAY_TRY(plane_.look([&](Transaction& records) {
        return left_by(records, request, kRescueBlob, " has left no rescue: its log says where its state is");
    }));
    return http::Reply::file(200, kOctets, SLIPWAY_TRY(blobs_.open(file)));
}

Result<http::Reply> PeopleApi::read_outputs(const http::Request& request)
{
    const auto file = SLIPWAY_TRY(plane_.look([&](Transaction& records) {
        return left_by(records, request, kOutputsBlob,
            " has left no outputs: an apply writes them to /mnt/workspace/outputs.json (docs/stacks.md)");
    }));
    return http::Reply::file(200, "application/json", SLIPWAY_TRY(blobs_.open(file)));
}

Result<http::Reply> PeopleApi::read_sealed_outputs(const http::Request& request)
{
    const auto file = SLIPWAY_TRY(plane_.look([&](Transaction& records) {
        return left_by(records, request, kSealedOutputsBlob,
            " has left no sensitive outputs: it has none, or its worker keeps them to itself "
            "(SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED)");
    }));
    return http::Reply::file(200, kOctets, SLIPWAY_TRY(blobs_.open(file)));
}

} // namespace slipway::mothership
