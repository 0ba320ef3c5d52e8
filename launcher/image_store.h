#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "launcher/image_disk.h"
#include "launcher/image_source.h"
#include "launcher/pulled_images.h"
#include "launcher/registry/registry_logins.h"
#include "launcher/runner_image.h"

#include <filesystem>
#include <set>
#include <stop_token>

namespace slipway::launcher {

struct ImageStoreSettings {
    docker::Engine engine;
    std::filesystem::path state_directory; ///< `images` in it lists what was pulled.
    RegistrySettings registry;
    Pull pull = Pull::always;
    bool cleanup = true; ///< Whether `make_room` removes anything.
    LeastFree least; ///< Of Docker's disk.
};

/// The images of the engine, as stages need them: found, fetched, and removed when room is short.
/// Thread-safe.
class ImageStore {
public:
    /// `clock` and the logger's sink outlive it.
    ImageStore(ImageStoreSettings settings, const Clock& clock, const Logger& logger)
        : engine_{settings.engine}
        , cleanup_{settings.cleanup}
        , disk_{engine_, settings.least}
        , logins_{std::move(settings.registry), clock}
        , source_{engine_, logins_, disk_, clock}
        , pulled_{settings.state_directory / "images", clock, logger}
        , images_{engine_, settings.pull, source_, pulled_, clock}
    {
    }

    [[nodiscard]] Result<RunnerImage> find(
        const ImageRequest& request, const LineSink& progress, std::stop_token stop)
    {
        return images_.find(request, progress, std::move(stop));
    }

    /// See JobHost::make_room. `in_use`: ids of images that stay.
    [[nodiscard]] Result<void> make_room(std::set<std::string> in_use, std::stop_token stop);

private:
    const docker::Engine engine_;
    const bool cleanup_;
    ImageDisk disk_;
    RegistryLogins logins_;
    ImageSource source_;
    PulledImages pulled_;
    RunnerImages images_;
};

} // namespace slipway::launcher
