#pragma once

#include "launcher/job_context.h"

#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// What an apply tells of what it made: a file of the workspace in the form of `tofu output -json`,
/// {"name": {"value": …, "sensitive": bool}}, that the job writes if it wants to. What is not sensitive goes
/// to the control plane as it is, masked as the log is; what is sensitive goes sealed to the pool, and only
/// where the operator of the worker has it so.
class OutputsFile {
public:
    static constexpr std::string_view kPath = "/mnt/workspace/outputs.json";
    static constexpr std::size_t kMaxSize = 1024 * 1024;
    /// Blobs; the second one is an envelope, and this is its object.
    static constexpr std::string_view kPlainBlob = "outputs";
    static constexpr std::string_view kSealedBlob = "outputs-sealed";

    explicit OutputsFile(JobContext& context)
        : context_{context}
    {
    }

    /// Uploads what the job left. Returns a line for the log; empty: there is no such file. `invalid_input`
    /// or `rejected`: it cannot be taken; blob calls fail as in blob_transfer.h.
    Result<std::string> take(JobSlot& slot, std::stop_token stop);

private:
    Result<std::string> read(JobSlot& slot, std::stop_token stop);
    Result<void> upload_plain(std::string_view json, std::stop_token stop);
    Result<void> upload_sealed(std::string_view json, std::stop_token stop);

    JobContext& context_;
};

} // namespace slipway::launcher
