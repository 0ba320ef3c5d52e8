#pragma once

#include "common/unique_fd.h"
#include "launcher/job_context.h"

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// Name of the envelope with a stage's workspace.
inline constexpr std::string_view kWorkspaceBlob = "workspace";

/// One file of a tar archive.
struct TarFile {
    std::string path;
    std::string content;
    int mode = 0644;
};

/// A tar archive (POSIX ustar) of these files. Fails with `invalid_input` on a path that is absolute, leaves
/// the directory, or is longer than the format holds.
[[nodiscard]] Result<std::string> make_tar(const std::vector<TarFile>& files);

/// Moves sources, workspace and files between the backend and a slot. What it needs on disk is in the stage's
/// directory of the journal: envelopes and sources, never the plain workspace. Each step may be repeated.
///
/// A blob call that fails because the backend is away is repeated until `stop`. A refused grant is told to
/// the stage and is `cancelled` here.
class Workspace {
public:
    explicit Workspace(JobContext& context)
        : context_{context}
    {
    }

    /// Puts the sources, the workspace of the earlier stage and the mounted files into the slot.
    Result<void> put(JobSlot& slot, std::stop_token stop);

    /// Seals the workspace of the slot into a file and uploads it. Returns the blob's name.
    Result<std::string> keep(JobSlot& slot, std::stop_token stop);

private:
    [[nodiscard]] Result<std::string> content_of(const protocol::MountedFile& file) const;
    Result<UniqueFd> download(std::string_view name, std::string_view file, std::stop_token stop);
    Result<void> upload(int fd, std::stop_token stop);
    Result<void> put_source(JobSlot& slot, std::stop_token stop);
    Result<void> put_workspace(JobSlot& slot, std::stop_token stop);
    Result<void> put_files(JobSlot& slot, std::stop_token stop);

    JobContext& context_;
};

} // namespace slipway::launcher
