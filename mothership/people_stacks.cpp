#include "mothership/people_api.h"
#include "mothership/runs.h"

#include <algorithm>

namespace slipway::mothership {

namespace {

constexpr std::size_t kTarBlock = 512;
constexpr std::size_t kTarMagicAt = 257;
constexpr std::string_view kTarMagic = "ustar";

/// `pool` of the body: an id or a name; null detaches; absent changes nothing.
Result<void> read_pool(Transaction& records, const JsonValue& body, Stack& stack)
{
    for (const auto& [name, value] : SLIPWAY_TRY(body.members())) {
        if (name != "pool")
            continue;
        if (!SLIPWAY_TRY(body.find("pool"))) {
            stack.pool_id.clear();
            return {};
        }
        const std::string wanted = SLIPWAY_TRY(value.string());
        const auto pool = SLIPWAY_TRY(records.pool(wanted));
        if (!pool)
            return Error{Errc::not_found, "there is no pool " + wanted + ": slipway pool list"};
        stack.pool_id = pool->id;
        return {};
    }
    return {};
}

void write_source(JsonWriter& json, const std::optional<Source>& source)
{
    json.key("source");
    if (!source) {
        json.null();
        return;
    }
    json.begin_object()
        .field("version", source->version)
        .field("size", static_cast<std::int64_t>(source->size));
    json.field("sha256", source->sha256).field("uploaded_ms", source->uploaded_ms).end_object();
}

Result<void> check_name_is_free(Transaction& records, const Stack& stack)
{
    for (const auto& other : SLIPWAY_TRY(records.stacks()))
        if (other.name == stack.name && other.id != stack.id)
            return Error{Errc::conflict,
                "stack " + other.id + " has the name " + stack.name + " already: choose another name"};
    return {};
}

/// What a test has made goes again, and with it what is known of it.
Result<void> check_kind(const Stack& stack)
{
    if (stack.kind == StackKind::module && stack.spec.manage_state)
        return Error{Errc::invalid_input, "$.manage_state: a module has no state to keep: its tests destroy"};
    return {};
}

enum class Detail { some, all };

Result<void> write_stack(JsonWriter& json, Transaction& records, const Stack& stack, Detail detail)
{
    json.begin_object().field("id", stack.id).field("name", stack.name).field("kind", to_string(stack.kind));
    if (stack.pool_id.empty()) {
        json.key("pool_id").null().key("pool_name").null();
    } else {
        const auto pool = SLIPWAY_TRY(records.pool(stack.pool_id));
        json.field("pool_id", stack.pool_id).field("pool_name", pool ? pool->name : std::string{});
    }
    if (detail == Detail::all)
        write_members(json, stack.spec);
    else
        json.field("runner_image", stack.spec.runner_image)
            .field("git_url", stack.spec.git_url)
            .field("git_ref", stack.spec.git_ref);
    write_source(json, SLIPWAY_TRY(records.source(stack.id, 0)));
    json.field("created_ms", stack.created_ms).end_object();
    return {};
}

/// Checks the front and keeps the rest as it comes: what is in the archive is between its owner and the job.
class SourceSink final : public http::BodySink {
public:
    SourceSink(ControlPlane& plane, const BlobDirectory& blobs, std::string stack_id, BlobWriter writer)
        : plane_{plane}
        , blobs_{blobs}
        , stack_id_{std::move(stack_id)}
        , writer_{std::move(writer)}
    {
    }

    Result<void> write(std::string_view bytes) override
    {
        front_.append(bytes.substr(0, kTarBlock - std::min(kTarBlock, front_.size())));
        return writer_.write(bytes);
    }

    Result<http::Reply> finish(const http::Request&) override
    {
        const bool empty_archive
            = front_.size() == kTarBlock && front_.find_first_not_of('\0') == std::string::npos;
        if (!empty_archive
            && (front_.size() < kTarBlock || front_.compare(kTarMagicAt, kTarMagic.size(), kTarMagic) != 0))
            return Error{Errc::invalid_input,
                "the body is no tar archive (ustar or pax): make it with tar -c, without compression"};
        const StoredFile stored = SLIPWAY_TRY(writer_.commit());
        auto source = plane_.change([&](Work& work) { return record(work, stored); });
        if (!source) {
            if (auto removed = blobs_.remove(stored.name); !removed)
                plane_.logger().warn("removing an unused source", removed.error());
            return std::move(source).error();
        }
        JsonWriter json;
        json.begin_object()
            .field("version", source->version)
            .field("size", static_cast<std::int64_t>(source->size));
        json.field("sha256", source->sha256).end_object();
        return http::Reply::json(200, json.take());
    }

private:
    Result<Source> record(Work& work, const StoredFile& stored) const
    {
        const auto last = SLIPWAY_TRY(work.records.source(stack_id_, 0));
        Source source{.stack_id = stack_id_,
            .version = last ? last->version + 1 : 1,
            .file = stored.name,
            .size = stored.size,
            .sha256 = stored.sha256,
            .uploaded_ms = work.wall_ms};
        SLIPWAY_TRY(work.records.add_source(source));
        return source;
    }

    ControlPlane& plane_;
    const BlobDirectory& blobs_;
    std::string stack_id_;
    BlobWriter writer_;
    std::string front_;
};

} // namespace

Result<Stack> stack_of(Transaction& records, const http::Request& request)
{
    const auto id = request.parameter("id");
    auto stack = SLIPWAY_TRY(records.stack(id));
    if (!stack)
        return Error{Errc::not_found, "there is no stack " + std::string{id} + ": slipway stack list"};
    return *std::move(stack);
}

Result<std::string> stack_json(Transaction& records, const Stack& stack)
{
    JsonWriter json;
    SLIPWAY_TRY(write_stack(json, records, stack, Detail::all));
    return json.take();
}

Result<http::Reply> PeopleApi::create_stack(const http::Request& request)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(request.body, {.max_bytes = 2 * 1024 * 1024}));
    Stack stack;
    stack.name = SLIPWAY_TRY(document.root().string("name"));
    stack.id = slug_of(stack.name);
    if (stack.id.empty() || stack.name.size() > 128)
        return Error{
            Errc::invalid_input, "$.name: a stack's name has letters or digits, and at most 128 bytes"};
    const auto kind = stack_kind_from(SLIPWAY_TRY(document.root().string_or("kind", "stack")));
    if (!kind)
        return Error{Errc::invalid_input, "$.kind: expected stack or module"};
    stack.kind = *kind;
    SLIPWAY_TRY(read_members(document.root(), stack.spec));
    SLIPWAY_TRY(check_kind(stack));
    SLIPWAY_TRY(check_size(stack.spec));
    stack.created_ms = plane_.wall_ms();
    const auto decide = [&](Work& work) -> Result<std::string> {
        if (SLIPWAY_TRY(work.records.stack(stack.id)))
            return Error{Errc::conflict, "a stack " + stack.id + " exists already: choose another name"};
        SLIPWAY_TRY(check_name_is_free(work.records, stack));
        SLIPWAY_TRY(read_pool(work.records, document.root(), stack));
        if (!stack.spec.has_sealed())
            stack.spec.sealed_for.clear();
        SLIPWAY_TRY(check_sealed_for(stack));
        SLIPWAY_TRY(work.records.add_stack(stack));
        return stack_json(work.records, stack);
    };
    return http::Reply::json(201, SLIPWAY_TRY(plane_.change(decide)));
}

Result<http::Reply> PeopleApi::list_stacks(const http::Request&)
{
    const auto look = [](Transaction& records) -> Result<std::string> {
        JsonWriter json;
        json.begin_object().key("stacks").begin_array();
        for (const auto& stack : SLIPWAY_TRY(records.stacks()))
            SLIPWAY_TRY(write_stack(json, records, stack, Detail::some));
        return json.end_array().end_object().take();
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.look(look)));
}

Result<http::Reply> PeopleApi::show_stack(const http::Request& request)
{
    const auto look = [&](Transaction& records) -> Result<std::string> {
        return stack_json(records, SLIPWAY_TRY(stack_of(records, request)));
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.look(look)));
}

Result<http::Reply> PeopleApi::change_stack(const http::Request& request)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(request.body, {.max_bytes = 2 * 1024 * 1024}));
    const auto decide = [&](Work& work) -> Result<std::string> {
        Stack stack = SLIPWAY_TRY(stack_of(work.records, request));
        stack.name = SLIPWAY_TRY(document.root().string_or("name", stack.name));
        if (slug_of(stack.name).empty() || stack.name.size() > 128)
            return Error{
                Errc::invalid_input, "$.name: a stack's name has letters or digits, and at most 128 bytes"};
        SLIPWAY_TRY(read_members(document.root(), stack.spec));
        SLIPWAY_TRY(check_kind(stack));
        SLIPWAY_TRY(check_size(stack.spec));
        SLIPWAY_TRY(read_pool(work.records, document.root(), stack));
        if (!stack.spec.has_sealed())
            stack.spec.sealed_for.clear();
        SLIPWAY_TRY(check_sealed_for(stack));
        SLIPWAY_TRY(check_name_is_free(work.records, stack));
        SLIPWAY_TRY(work.records.put_stack(stack));
        SLIPWAY_TRY(schedule_stack(work, stack.id));
        return stack_json(work.records, stack);
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.change(decide)));
}

Result<http::SinkOrReply> PeopleApi::upload_source(const http::Request& request)
{
    if (!SLIPWAY_TRY(key_of(request)))
        return http::SinkOrReply{unknown_key_reply()};
    const auto stack
        = SLIPWAY_TRY(plane_.look([&](Transaction& records) { return stack_of(records, request); }));
    if (!stack.spec.git_url.empty())
        return Error{Errc::conflict,
            "the sources of stack " + stack.id
                + " are in git, so pushed ones would not be used. To push instead: slipway stack set "
                + stack.id + " --git ''"};
    auto writer = SLIPWAY_TRY(blobs_.create());
    return http::SinkOrReply{std::make_unique<SourceSink>(plane_, blobs_, stack.id, std::move(writer))};
}

} // namespace slipway::mothership
