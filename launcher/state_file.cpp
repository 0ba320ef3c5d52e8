#include "launcher/state_file.h"

#include "common/json.h"
#include "common/secret.h"
#include "crypto/digest.h"
#include "launcher/compression.h"
#include "launcher/file_tar.h"
#include "launcher/job_settings.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::string_view kState = "terraform.tfstate";
constexpr std::string_view kErrored = "errored.tfstate";
constexpr std::size_t kMaxState = 64 * 1024 * 1024;
/// Of the log, in a rescue.
constexpr std::size_t kLogTail = 256 * 1024;

/// The number that grows with each change of a state.
Result<std::int64_t> serial_of(std::string_view state)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(state, {.max_bytes = kMaxState, .max_depth = 200}));
    return document.root().integer_or("serial", 0, 0);
}

/// As it is told, of the one or the other file.
Error no_state(std::string_view name, const Error& error)
{
    return Error{error}.in(std::string{name} + " is no state");
}

} // namespace

bool StateFile::is_kept(const protocol::Assignment& assignment) { return assignment.manage_state; }

Result<void> StateFile::put(JobSlot& slot, std::stop_token stop)
{
    const auto& a = context_.assignment;
    if (a.state_in.empty())
        return {};
    const UniqueFd fd = SLIPWAY_TRY(download_blob(context_, a.state_in, stop));
    auto envelope = envelope_context(a, a.state_maker, a.state_fence, kObject);
    envelope.run = a.stack_id;
    TarFile file{.path = std::string{kState}, .content = {}, .mode = 0600};
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        file.content.append(bytes);
        return {};
    };
    auto opened = context_.services.vault.open(envelope, fd.get(), append);
    if (opened) {
        context_.state_digest = crypto::sha256(file.content).hex();
        auto tar = SLIPWAY_TRY(make_tar({file}));
        opened = slot.put(
            SLIPWAY_TRY(directory_of(a)), [&](const Sink& sink) { return sink(tar); }, stop);
        wipe(tar);
    }
    wipe(file.content);
    return opened;
}

/// The content of a file in the project root; empty when it is not there.
Result<std::string> StateFile::file(JobSlot& slot, std::string_view name, std::stop_token stop)
{
    const std::string path = SLIPWAY_TRY(directory_of(context_.assignment)) + "/" + std::string{name};
    std::string tar;
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        if (tar.size() + bytes.size() > kMaxState)
            return Error{Errc::rejected, path + " is larger than 64 MiB"};
        tar.append(bytes);
        return {};
    };
    const auto notes = slot.get(path, append, std::move(stop));
    if (!notes && notes.error().code() == Errc::conflict)
        return std::string{};
    if (!notes) {
        wipe(tar);
        return notes.error();
    }
    auto content = only_file_of(tar);
    wipe(tar);
    return in(path, std::move(content));
}

Result<void> StateFile::seal_and_upload(
    std::string_view object, std::string_view plain, std::stop_token stop, Away away)
{
    const auto& a = context_.assignment;
    const UniqueFd fd = SLIPWAY_TRY(nameless_file(context_, object));
    auto envelope = envelope_context(a, a.stage_id, context_.stage.state().fence, object);
    if (object == kObject)
        envelope.run = a.stack_id; // it outlives its run
    auto sealer = SLIPWAY_TRY(context_.services.vault.seal(envelope, fd.get()));
    SLIPWAY_TRY(sealer.push(plain));
    SLIPWAY_TRY(sealer.finish());
    return upload_blob(context_, object, fd.get(), std::move(stop), away);
}

Result<void> StateFile::take(JobSlot& slot, std::stop_token stop, Away away)
{
    std::string state = SLIPWAY_TRY(in("reading the state", file(slot, kState, stop)));
    std::string errored = SLIPWAY_TRY(in("reading the state", file(slot, kErrored, stop)));
    auto serial = serial_of(state);
    auto errored_serial = serial_of(errored);
    const bool use_errored = errored_serial && (!serial || *errored_serial > *serial);
    if (use_errored)
        std::swap(state, errored);
    wipe(errored);
    if (state.empty())
        return {}; // nothing was made yet
    if (!use_errored && !serial) {
        wipe(state);
        return no_state(kState, serial.error());
    }
    Result<void> done;
    const std::string digest = crypto::sha256(state).hex();
    if (digest != context_.state_digest)
        done = seal_and_upload(kObject, state, std::move(stop), away);
    wipe(state);
    if (done)
        context_.state_digest = digest;
    return done;
}

Result<void> StateFile::rescue(JobSlot& slot, std::stop_token stop)
{
    std::vector<TarFile> files;
    for (const auto name : {kState, kErrored}) {
        auto content = file(slot, name, stop);
        if (content && !content->empty())
            files.push_back({.path = std::string{name}, .content = *std::move(content), .mode = 0600});
    }
    const auto size = context_.spool.size();
    TarFile log{.path = "log.tail", .content = {}, .mode = 0600};
    SLIPWAY_TRY(context_.spool.read(size - std::min<std::uint64_t>(size, kLogTail), kLogTail, log.content));
    files.push_back(std::move(log));
    auto tar = SLIPWAY_TRY(make_tar(files));
    for (auto& one : files)
        wipe(one.content);
    std::string compressed;
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        compressed.append(bytes);
        return {};
    };
    Compressor compressor{append};
    auto done = compressor.push(tar);
    if (done)
        done = compressor.finish();
    wipe(tar);
    if (done)
        done = seal_and_upload(kRescueObject, compressed, std::move(stop), Away::try_again);
    wipe(compressed);
    return done;
}

} // namespace slipway::launcher
