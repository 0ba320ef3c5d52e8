#pragma once

#include "launcher/job_context.h"

#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Name of the envelope with a stage's workspace, and its object: a tar archive, compressed with zstd.
inline constexpr std::string_view kWorkspaceBlob = "workspace";

/// Moves sources, workspace and files between the backend and a slot. What it needs on disk is in the stage's
/// directory of the journal: envelopes and sources, never the plain workspace. Each step may be repeated.
/// Blob calls fail as in blob_transfer.h.
class Workspace {
public:
    explicit Workspace(JobContext& context)
        : context_{context}
    {
    }

    /// Puts the sources, the workspace of the earlier stage and the mounted files into the slot.
    Result<void> put(JobSlot& slot, std::stop_token stop);

    /// Puts the mounted files again that have their place in the sources, which the stage has just fetched.
    Result<void> put_into_sources(JobSlot& slot, std::stop_token stop);

    /// Seals the workspace of the slot into a file and uploads it. Returns the blob's name.
    Result<std::string> keep(JobSlot& slot, std::stop_token stop);

private:
    Result<std::string> content_of(const protocol::MountedFile& file, std::stop_token stop);
    Result<void> put_source(JobSlot& slot, std::stop_token stop);
    Result<void> put_workspace(JobSlot& slot, std::stop_token stop);
    enum class Files : std::uint8_t { all, of_sources };
    Result<void> put_files(JobSlot& slot, Files which, std::stop_token stop);

    JobContext& context_;
};

} // namespace slipway::launcher
