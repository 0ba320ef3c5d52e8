#pragma once

#include "common/unique_fd.h"
#include "crypto/envelope.h"
#include "launcher/job_context.h"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Fetches a blob of the stage into a file without a name in the stage's directory, or takes the one that
/// `fetch_ahead` has fetched. A call that fails because the backend is away is repeated until `stop`. A
/// refused grant is told to the stage and is `cancelled` here.
[[nodiscard]] Result<UniqueFd> download_blob(
    JobContext& context, std::string_view name, std::stop_token stop);

/// Fetches blobs for the calls of `download_blob` to come, once each; the stage need not have been accepted.
/// Fails when one of them was not given: a control plane may give nothing of a stage that is not accepted, so
/// that a refusal is not told to the stage.
[[nodiscard]] Result<void> fetch_ahead(
    JobContext& context, const std::vector<std::string>& names, std::stop_token stop);

/// What becomes of a call while the backend is away.
enum class Away : std::uint8_t { try_again, give_up };

/// The whole of the file behind `fd` as a blob of the stage. Fails as `download_blob`.
[[nodiscard]] Result<void> upload_blob(
    JobContext& context, std::string_view name, int fd, std::stop_token stop, Away away = Away::try_again);

/// A file without a name in the stage's directory, so that it goes with the descriptor whatever happens.
[[nodiscard]] Result<UniqueFd> nameless_file(const JobContext& context, std::string_view name);

/// The context of what a stage of this run has sealed.
[[nodiscard]] crypto::EnvelopeContext envelope_context(const protocol::Assignment& assignment,
    const std::string& maker, protocol::Fence fence, std::string_view object);

/// The whole of a file.
[[nodiscard]] Producer bytes_of(int fd);

} // namespace slipway::launcher
