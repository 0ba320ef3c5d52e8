#pragma once

#include "launcher/blob_transfer.h"
#include "launcher/job_context.h"

#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// The state of an OpenTofu or Terraform stack that has no backend of its own: the file that its local
/// backend reads and writes in the project root. It is put there before the first phase, taken back after a
/// stage that writes, however that ended, and never leaves the worker but sealed to the pool.
///
/// Between the calls the job owns the file. Blob calls fail as in blob_transfer.h.
class StateFile {
public:
    /// Of the blob that it is uploaded as, and of the envelope.
    static constexpr std::string_view kObject = "state";
    static constexpr std::string_view kRescueObject = "rescue";

    explicit StateFile(JobContext& context)
        : context_{context}
    {
    }

    /// Whether the file of this stage is the control plane's to keep.
    [[nodiscard]] static bool is_kept(const protocol::Assignment& assignment);

    /// Puts the newest version into the slot; nothing when there is none yet.
    Result<void> put(JobSlot& slot, std::stop_token stop);

    /// Uploads the file if it changed since it was put or taken last: terraform.tfstate, or errored.tfstate,
    /// which is written where that could not be, if it is the newer one. Fails with `invalid_input` on a file
    /// that is no state: it may be half written.
    Result<void> take(JobSlot& slot, std::stop_token stop, Away away = Away::try_again);

    /// For when `take` failed for good: seals and uploads whatever can be had of both files, and the end of
    /// the log.
    Result<void> rescue(JobSlot& slot, std::stop_token stop);

private:
    Result<std::string> file(JobSlot& slot, std::string_view name, std::stop_token stop);
    Result<void> seal_and_upload(
        std::string_view object, std::string_view plain, std::stop_token stop, Away away);

    JobContext& context_;
};

} // namespace slipway::launcher
