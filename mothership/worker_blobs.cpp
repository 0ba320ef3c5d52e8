#include "mothership/stages.h"
#include "mothership/worker_api.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace slipway::mothership {

namespace {

namespace server = protocol::server;
using server::Verdict;

constexpr std::string_view kOctets = "application/octet-stream";
constexpr std::uint64_t kInOnePiece = 12UL * 1024;

/// Which blob of which grant.
struct Place {
    Caller caller;
    protocol::Fence fence;
    std::string name;
};

Result<Place> place_of(Caller caller, const http::Request& request)
{
    std::string name{request.parameter("name")};
    if (!is_blob_name(name))
        return Error{
            Errc::invalid_input, "the name of a blob has letters, digits, '-', '_' and '.', at most 128"};
    const auto fence = SLIPWAY_TRY(fence_of(request));
    return Place{.caller = std::move(caller), .fence = fence, .name = std::move(name)};
}

/// Whether the caller's grant is the newest one. It is contact, too: the lease is renewed.
Result<Verdict> renew(Work& work, const std::optional<Stage>& stage, const Place& place)
{
    SLIPWAY_TRY(current_worker(work.records, place.caller));
    if (!stage)
        return Verdict::gone;
    Stage held = *stage;
    const auto step = SLIPWAY_TRY(apply_event(
        work, held, server::Renew{.worker = place.caller.worker.id, .fence = place.fence, .started = false}));
    return step.verdict;
}

/// The number behind a prefix; nothing if the name is none of that kind.
std::optional<std::int64_t> number_after(std::string_view name, std::string_view prefix)
{
    std::int64_t number = 0;
    if (!name.starts_with(prefix))
        return std::nullopt;
    name.remove_prefix(prefix.size());
    const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
    return read.ec == std::errc{} && read.ptr == name.data() + name.size() ? std::optional{number}
                                                                           : std::nullopt;
}

/// The file behind a name that belongs to the stack: a version of its state, or a file that its run was made
/// with. An older state than the newest one is given, too: a run that only plans may overlap with one that
/// writes.
Result<std::optional<std::string>> stack_blob(
    Transaction& records, const Stage& stage, const std::string& name)
{
    const auto run = SLIPWAY_TRY(records.run(stage.run_id));
    if (const auto version = number_after(name, kStateBlobPrefix); version && run->spec.manage_state) {
        const auto state = SLIPWAY_TRY(records.state(run->stack_id, *version));
        return state ? std::optional{state->file} : std::nullopt;
    }
    for (const auto& file : run->spec.files)
        if (name == file_blob_name(file))
            return records.stack_file(run->stack_id, file.version);
    return std::optional<std::string>{};
}

/// The file behind a name that the stage may read: its sources, the workspace it carries on, what it
/// uploaded.
Result<std::string> file_of(Transaction& records, const Stage& stage, const Place& place)
{
    const auto assignment = SLIPWAY_TRY(assignment_of(records, stage));
    if (place.name == assignment.source_blob) {
        const auto run = SLIPWAY_TRY(records.run(stage.run_id));
        const auto source = SLIPWAY_TRY(records.source(run->stack_id, run->source_version));
        if (source)
            return source->file;
    }
    if (const auto file = SLIPWAY_TRY(stack_blob(records, stage, place.name)))
        return *file;
    const bool carried = !assignment.workspace_in.empty() && place.name == assignment.workspace_in;
    const auto blob = SLIPWAY_TRY(records.blob(carried ? assignment.workspace_maker : stage.id, place.name));
    if (!blob || blob->fence != (carried ? assignment.workspace_fence : place.fence))
        return Error{Errc::not_found, "the stage refers to no blob " + place.name};
    return blob->file;
}

/// A small blob goes out in one piece with the head of the reply, read by the thread that found it.
Result<http::Reply> reply_with(http::FileBody stored)
{
    if (stored.length > kInOnePiece)
        return http::Reply::file(200, kOctets, std::move(stored));
    std::string bytes(static_cast<std::size_t>(stored.length), '\0');
    for (std::size_t have = 0; have < bytes.size();) {
        const ssize_t count = ::pread(stored.file.get(), bytes.data() + have, bytes.size() - have,
            static_cast<off_t>(stored.offset + have));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? Error::from_errno("reading a blob", errno)
                             : Error{Errc::internal, "a blob is shorter than it was"};
        have += static_cast<std::size_t>(count);
    }
    return http::Reply::bytes(200, kOctets, std::move(bytes));
}

/// What a stage that writes has made of the stack's state becomes its next version.
Result<void> add_state(Work& work, const Stage& stage, const Place& place, const StoredFile& stored)
{
    const auto run = SLIPWAY_TRY(work.records.run(stage.run_id));
    if (!run || !run->spec.manage_state || stage.core.kind != protocol::StageKind::write)
        return Error{Errc::invalid_input, "the state of this stage is not kept here"};
    StateVersion state{.stack_id = run->stack_id,
        .version = 0,
        .pool_id = stage.pool_id,
        .run_id = run->id,
        .stage_id = stage.id,
        .fence = place.fence,
        .file = stored.name,
        .size = stored.size,
        .created_ms = work.wall_ms,
        .note = ""};
    return work.records.add_state(state);
}

class UploadSink final : public http::BodySink {
public:
    UploadSink(WorkerApi& api, Place place, BlobWriter writer)
        : api_{api}
        , place_{std::move(place)}
        , writer_{std::move(writer)}
    {
    }

    Result<void> write(std::string_view bytes) override { return writer_.write(bytes); }

    Result<http::Reply> finish(const http::Request& request) override
    {
        const StoredFile stored = SLIPWAY_TRY(writer_.commit());
        std::string unused = stored.name;
        auto verdict = api_.plane().change([&](Work& work) { return record(work, request, stored, unused); });
        const bool kept = verdict && *verdict == Verdict::ok;
        if (!kept)
            unused = stored.name;
        if (!unused.empty())
            if (auto removed = api_.blobs().remove(unused); !removed)
                api_.plane().logger().warn("removing an unused blob", removed.error());
        if (!verdict && verdict.error().code() == Errc::rejected)
            return session_over_reply();
        if (!verdict)
            return std::move(verdict).error();
        return kept ? lease_reply(api_.plane()) : gone_reply();
    }

private:
    Result<Verdict> record(
        Work& work, const http::Request& request, const StoredFile& stored, std::string& replaced)
    {
        const auto stage = SLIPWAY_TRY(stage_of(work.records, place_.caller.pool, request));
        const Verdict verdict = SLIPWAY_TRY(renew(work, stage, place_));
        if (verdict != Verdict::ok)
            return verdict;
        if (place_.name == kStateBlob) {
            replaced.clear();
            SLIPWAY_TRY(add_state(work, *stage, place_, stored));
            return verdict;
        }
        const auto old = SLIPWAY_TRY(work.records.blob(stage->id, place_.name));
        replaced = old ? old->file : std::string{};
        SLIPWAY_TRY(work.records.put_blob({.stage_id = stage->id,
            .name = place_.name,
            .fence = place_.fence,
            .file = stored.name,
            .size = stored.size}));
        return verdict;
    }

    WorkerApi& api_;
    Place place_;
    BlobWriter writer_;
};

} // namespace

Result<http::SinkOrReply> WorkerApi::upload_blob(const http::Request& request)
{
    auto who = SLIPWAY_TRY(authenticate(request));
    if (auto* refusal = std::get_if<http::Reply>(&who))
        return http::SinkOrReply{std::move(*refusal)};
    Place place = SLIPWAY_TRY(place_of(std::get<Caller>(std::move(who)), request));
    const auto decide = [&](Work& work) -> Result<Verdict> {
        return renew(work, SLIPWAY_TRY(stage_of(work.records, place.caller.pool, request)), place);
    };
    const auto verdict = SLIPWAY_TRY(plane_.change(decide));
    if (verdict != Verdict::ok)
        return http::SinkOrReply{gone_reply()};
    auto writer = SLIPWAY_TRY(blobs_.create());
    return http::SinkOrReply{std::make_unique<UploadSink>(*this, std::move(place), std::move(writer))};
}

Result<http::Reply> WorkerApi::download_blob(const Caller& caller, const http::Request& request)
{
    const Place place = SLIPWAY_TRY(place_of(caller, request));
    const auto of_offer = [&](Transaction& records) -> Result<std::optional<std::string>> {
        SLIPWAY_TRY(current_worker(records, caller));
        const auto stage = SLIPWAY_TRY(stage_of(records, caller.pool, request));
        if (!stage || !server::is_offered_to(stage->core, caller.worker.id, place.fence))
            return std::optional<std::string>{};
        return std::optional{SLIPWAY_TRY(file_of(records, *stage, place))};
    };
    const auto decide = [&](Work& work) -> Result<std::optional<std::string>> {
        const auto stage = SLIPWAY_TRY(stage_of(work.records, caller.pool, request));
        if (SLIPWAY_TRY(renew(work, stage, place)) != Verdict::ok)
            return std::optional<std::string>{};
        return std::optional{SLIPWAY_TRY(file_of(work.records, *stage, place))};
    };
    auto file = SLIPWAY_TRY(plane_.look(of_offer));
    if (!file)
        file = SLIPWAY_TRY(plane_.change(decide));
    if (!file)
        return gone_reply();
    return reply_with(SLIPWAY_TRY(blobs_.open(*file)));
}

} // namespace slipway::mothership
