#pragma once

#include "common/clock.h"
#include "docker-client/docker.h"
#include "launcher/engine_settings.h"
#include "launcher/image_source.h"
#include "launcher/job_host.h"
#include "launcher/pulled_images.h"

#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::launcher {

/// Finds the image of a stage, here or in its registry.
///
/// The first stage of a run follows `Pull`: `always` asks the registry what the name means, for two seconds
/// at most, and not again within `kFresh`; an image that has no digest of its registry (it was built or
/// imported here) is never asked for. Every later stage uses the image of the first one. Thread-safe.
class RunnerImages {
public:
    /// The referents outlive it.
    RunnerImages(
        docker::Engine engine, Pull pull, ImageSource& source, PulledImages& pulled, const Clock& clock)
        : engine_{std::move(engine)}
        , pull_{pull}
        , source_{source}
        , pulled_{pulled}
        , clock_{clock}
    {
    }

    /// `progress` gets lines for people. Fails with `not_found`, `rejected` or `invalid_input` when the image
    /// is at fault, `conflict` when the one of the first stage is gone; every other code may pass.
    [[nodiscard]] Result<RunnerImage> find(
        const ImageRequest& request, const LineSink& progress, std::stop_token stop);

    static constexpr std::chrono::seconds kAskFor{2};
    static constexpr std::chrono::seconds kFresh{30};

private:
    struct Query {
        docker::Docker& docker;
        const std::string& name;
        const LineSink& progress;
        const std::stop_token& stop;
    };

    Result<RunnerImage> find_first(const Query& query);
    Result<RunnerImage> find_again(const Query& query, const std::string& image_id);
    Result<std::optional<docker::Image>> renew(
        const Query& query, const ImageReference& reference, const docker::Image& here);
    Result<docker::Image> fetch(const Query& query, const ImageReference& reference);
    [[nodiscard]] bool is_fresh(const std::string& name, const std::string& image_id);
    void mark_fresh(const std::string& name, const std::string& image_id);

    const docker::Engine engine_;
    const Pull pull_;
    ImageSource& source_;
    PulledImages& pulled_;
    const Clock& clock_;

    struct Fresh {
        std::string image_id;
        BootClock::time_point until;
    };

    std::mutex mutex_;
    std::map<std::string, Fresh> fresh_; ///< By name.
};

} // namespace slipway::launcher
