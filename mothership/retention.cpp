#include "mothership/retention.h"

namespace slipway::mothership {

Result<void> tidy(ControlPlane& plane, const BlobDirectory& blobs)
{
    const auto decide = [](Work& work) -> Result<std::vector<std::string>> {
        auto files = SLIPWAY_TRY(work.records.drop_envelopes());
        const auto sources = SLIPWAY_TRY(work.records.drop_sources(kSourcesKept));
        files.insert(files.end(), sources.begin(), sources.end());
        for (const auto& more : {SLIPWAY_TRY(work.records.drop_stack_files()),
                 SLIPWAY_TRY(work.records.drop_states(kStatesKept))})
            files.insert(files.end(), more.begin(), more.end());
        SLIPWAY_TRY(work.records.drop_empty_attempts());
        SLIPWAY_TRY(work.records.forget_workers(work.now - kForgetAfter));
        return files;
    };
    const auto files = SLIPWAY_TRY(plane.change(decide));
    for (const auto& file : files)
        SLIPWAY_TRY(blobs.remove(file));
    if (!files.empty())
        plane.logger().info(
            "files that no run needs any more are gone", {{"files", std::to_string(files.size())}});
    return {};
}

} // namespace slipway::mothership
