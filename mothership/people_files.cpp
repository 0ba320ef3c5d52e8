#include "common/protocol/assignment.h"
#include "crypto/envelope.h"
#include "mothership/people_api.h"

#include <algorithm>
#include <charconv>

namespace slipway::mothership {

namespace {

constexpr std::size_t kMaxFiles = 100;

/// What a request says of the file that it is about.
Result<StackFile> file_of(const http::Request& request)
{
    StackFile file;
    file.path = request.query_value("path").value_or("");
    SLIPWAY_TRY(in("the query's path", check_file_path(file.path)));
    const std::string mode{request.query_value("mode").value_or("644")};
    const auto read = std::from_chars(mode.data(), mode.data() + mode.size(), file.mode, 8);
    if (read.ec != std::errc{} || read.ptr != mode.data() + mode.size() || file.mode < 0 || file.mode > 0777)
        return Error{Errc::invalid_input, "the query's mode: expected octal digits up to 777"};
    file.sealed = request.query_value("sealed").value_or("false") == "true";
    return file;
}

/// What is readable of an envelope must say that it is for this file of the stack's pool.
Result<void> check_envelope(std::string_view envelope, const StackFile& file, const Stack& stack)
{
    const auto info = SLIPWAY_TRY(in("the body", crypto::read_envelope_info(envelope)));
    if (info.context.pool == stack.pool_id && info.context.object == file.path)
        return {};
    return Error{Errc::conflict,
        "the envelope was sealed as " + info.context.object + " for pool " + info.context.pool
            + ", and stack " + stack.id + " has "
            + (stack.pool_id.empty() ? "no pool" : "pool " + stack.pool_id)};
}

} // namespace

Result<http::Reply> PeopleApi::put_file(const http::Request& request)
{
    StackFile file = SLIPWAY_TRY(file_of(request));
    if (!file.sealed && request.body.size() > protocol::kMaxMountedFile)
        return Error{Errc::exhausted, "a mounted file has at most 2 MiB"};
    auto writer = SLIPWAY_TRY(blobs_.create());
    SLIPWAY_TRY(writer.write(request.body));
    const StoredFile stored = SLIPWAY_TRY(writer.commit());
    file.size = stored.size;
    const auto decide = [&](Work& work) -> Result<std::string> {
        Stack stack = SLIPWAY_TRY(stack_of(work.records, request));
        StackFile kept = file;
        if (file.sealed) {
            SLIPWAY_TRY(check_envelope(request.body, file, stack));
            if (!stack.spec.has_sealed())
                stack.spec.sealed_for = stack.pool_id;
        }
        kept.version = SLIPWAY_TRY(work.records.add_stack_file(stack.id, stored.name));
        std::erase_if(stack.spec.files, [&](const auto& other) { return other.path == file.path; });
        stack.spec.files.push_back(kept);
        if (stack.spec.files.size() > kMaxFiles)
            return Error{Errc::exhausted,
                "a stack has at most " + std::to_string(kMaxFiles)
                    + " mounted files: put them into the sources"};
        SLIPWAY_TRY(check_sealed_for(stack));
        SLIPWAY_TRY(work.records.put_stack(stack));
        return stack_json(work.records, stack);
    };
    auto json = plane_.change(decide);
    if (!json)
        if (auto removed = blobs_.remove(stored.name); !removed)
            plane_.logger().warn("removing an unused file", removed.error());
    return http::Reply::json(200, SLIPWAY_TRY(std::move(json)));
}

Result<http::Reply> PeopleApi::remove_file(const http::Request& request)
{
    const std::string path{request.query_value("path").value_or("")};
    const auto decide = [&](Work& work) -> Result<std::string> {
        Stack stack = SLIPWAY_TRY(stack_of(work.records, request));
        if (std::erase_if(stack.spec.files, [&](const auto& file) { return file.path == path; }) == 0)
            return Error{Errc::not_found, "stack " + stack.id + " has no file " + path};
        if (!stack.spec.has_sealed())
            stack.spec.sealed_for.clear();
        SLIPWAY_TRY(work.records.put_stack(stack));
        return stack_json(work.records, stack);
    };
    return http::Reply::json(200, SLIPWAY_TRY(plane_.change(decide)));
}

} // namespace slipway::mothership
