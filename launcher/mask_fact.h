#pragma once

#include "common/result.h"
#include "launcher/journal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// What is masked in the log of one stage, as far as it does not follow from the assignment: kept with the
/// stage, so that a launcher that is started again with another environment masks the same bytes. The
/// assignment names the stack's own secrets, and the raw log the words that the job has added.
struct MaskFact {
    bool patterns = true; ///< Well-known secrets are masked, too.
    std::vector<std::string> names; ///< Variables that are masked, whoever sets them.
    std::vector<std::pair<std::string, std::string>> values; ///< Those that the launcher's environment has.
    std::vector<std::string> opened; ///< What of the assignment is sealed and could be opened.
    /// Offset of the raw log from which on the files are masked that came sealed as blobs; absent: none came.
    std::optional<std::uint64_t> files_from;
};

/// The file `masks` (0600) in the stage's directory, replaced in one step.
[[nodiscard]] Result<void> write_masks(const JobEntry& entry, const MaskFact& fact);
/// Nothing when it was never written, or torn by a crash of the host.
[[nodiscard]] Result<std::optional<MaskFact>> read_masks(const JobEntry& entry);
/// The envelope of the assignment's mounted file number `index` that came as a blob, kept so that it can be
/// opened again.
[[nodiscard]] Result<void> keep_sealed_file(
    const JobEntry& entry, std::size_t index, std::string_view envelope);
[[nodiscard]] Result<std::optional<std::string>> sealed_file(const JobEntry& entry, std::size_t index);
/// Overwrites the file with zeros; for the end of the stage, before its directory is removed.
[[nodiscard]] Result<void> wipe_masks(const JobEntry& entry);

} // namespace slipway::launcher
