#include "launcher/workspace.h"

#include "common/base64.h"
#include "common/secret.h"
#include "launcher/blob_transfer.h"
#include "launcher/compression.h"
#include "launcher/file_tar.h"
#include "launcher/job_settings.h"
#include "launcher/mask_fact.h"

namespace slipway::launcher {

Result<void> Workspace::put(JobSlot& slot, std::stop_token stop)
{
    if (!context_.assignment.workspace_in.empty())
        SLIPWAY_TRY(in("taking over the workspace", put_workspace(slot, stop)));
    if (!context_.assignment.source_blob.empty())
        SLIPWAY_TRY(in("fetching the sources", put_source(slot, stop)));
    // An empty archive makes the directories, which the phases start in, where nothing above has.
    if (context_.assignment.files.empty()
        && !(context_.assignment.workspace_in.empty() && context_.assignment.source_blob.empty()))
        return {};
    return in("putting the mounted files", put_files(slot, Files::all, stop));
}

Result<void> Workspace::put_into_sources(JobSlot& slot, std::stop_token stop)
{
    return in("putting the mounted files", put_files(slot, Files::of_sources, std::move(stop)));
}

Result<void> Workspace::put_source(JobSlot& slot, std::stop_token stop)
{
    const UniqueFd fd = SLIPWAY_TRY(download_blob(context_, context_.assignment.source_blob, stop));
    return slot.put(kSource, bytes_of(fd.get()), stop);
}

Result<void> Workspace::put_workspace(JobSlot& slot, std::stop_token stop)
{
    const auto& a = context_.assignment;
    const UniqueFd fd = SLIPWAY_TRY(download_blob(context_, a.workspace_in, stop));
    const auto envelope = envelope_context(a, a.workspace_maker, a.workspace_fence, a.workspace_in);
    const auto unpacked = [&](const Sink& sink) -> Result<void> {
        Decompressor tar{sink};
        const Sink compressed = [&](std::string_view bytes) { return tar.push(bytes); };
        SLIPWAY_TRY(context_.services.vault.open(envelope, fd.get(), compressed));
        return tar.finish();
    };
    return slot.put(kWorkspace, unpacked, stop);
}

Result<std::string> Workspace::content_of(const protocol::MountedFile& file, std::stop_token stop)
{
    const auto& vault = context_.services.vault;
    const std::string& pool = context_.assignment.pool_id;
    std::string bytes;
    if (file.blob.empty()) {
        bytes = SLIPWAY_TRY(base64_decode(file.content));
    } else {
        const UniqueFd fd = SLIPWAY_TRY(download_blob(context_, file.blob, std::move(stop)));
        const Sink append = [&](std::string_view more) -> Result<void> {
            if (bytes.size() + more.size() > protocol::kMaxMountedFile + crypto::kMaxEnvelopeHeaderSize * 2)
                return Error{Errc::invalid_input, "it is larger than 2 MiB"};
            bytes.append(more);
            return {};
        };
        SLIPWAY_TRY(bytes_of(fd.get())(append));
    }
    if (!file.sealed)
        return bytes;
    const Secret plain = SLIPWAY_TRY(vault.open_sealed(pool, file.path, bytes, protocol::kMaxMountedFile));
    if (!file.blob.empty()) // for the masking, which another launcher must work out again
        SLIPWAY_TRY(keep_sealed_file(context_.stage.entry(),
            static_cast<std::size_t>(&file - context_.assignment.files.data()), bytes));
    return std::string{plain.reveal()};
}

Result<void> Workspace::put_files(JobSlot& slot, Files which, std::stop_token stop)
{
    std::vector<TarFile> files;
    for (const auto& file : context_.assignment.files) {
        const auto place = (std::filesystem::path{kWorkspace} / file.path).lexically_normal().string();
        if (which == Files::of_sources && !place.starts_with(std::string{kSource} + "/"))
            continue;
        std::string content = SLIPWAY_TRY(in(file.path, content_of(file, stop)));
        if (content.size() > protocol::kMaxMountedFile)
            return Error{Errc::invalid_input, file.path + " is larger than 2 MiB"};
        files.push_back({.path = file.path, .content = std::move(content), .mode = file.mode});
    }
    if (files.empty() && which == Files::of_sources)
        return {};
    auto tar = make_tar(files);
    for (auto& file : files)
        wipe(file.content);
    if (!tar)
        return std::move(tar).error();
    auto done = slot.put(
        kWorkspace, [&](const Sink& sink) { return sink(*tar); }, stop);
    wipe(*tar);
    return done;
}

Result<std::string> Workspace::keep(JobSlot& slot, std::stop_token stop)
{
    const auto& a = context_.assignment;
    const UniqueFd fd = SLIPWAY_TRY(nameless_file(context_, kWorkspaceBlob));
    const auto fence = context_.stage.state().fence;
    auto sealer = SLIPWAY_TRY(
        context_.services.vault.seal(envelope_context(a, a.stage_id, fence, kWorkspaceBlob), fd.get()));
    const Sink seal = [&](std::string_view bytes) { return sealer.push(bytes); };
    Compressor tar{seal};
    auto notes = slot.get(
        kWorkspace, [&](std::string_view bytes) { return tar.push(bytes); }, stop);
    if (!notes && notes.error().code() == Errc::conflict)
        return Error{Errc::rejected, notes.error().message() + ": the stage has removed it"};
    if (!notes)
        return std::move(notes).error().in("reading the workspace");
    if (!notes->empty())
        SLIPWAY_TRY(context_.spool.append_once(line_id(LogLine::left_out), own_line(*notes)));
    SLIPWAY_TRY(tar.finish());
    SLIPWAY_TRY(sealer.finish());
    context_.stage.entry().passed("sealed");
    SLIPWAY_TRY(upload_blob(context_, kWorkspaceBlob, fd.get(), stop));
    context_.stage.entry().passed("uploaded");
    return std::string{kWorkspaceBlob};
}

} // namespace slipway::launcher
