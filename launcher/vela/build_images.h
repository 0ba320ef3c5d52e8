#pragma once

#include "common/clock.h"
#include "docker-client/docker.h"
#include "launcher/image_disk.h"
#include "launcher/image_source.h"
#include "launcher/registry/registry_logins.h"
#include "launcher/slot_site.h"
#include "launcher/vela/build_host.h"

#include <map>
#include <mutex>
#include <stop_token>
#include <string>

namespace slipway::vela {

/// The images of builds. Thread-safe. `clock` outlives it.
class BuildImages {
public:
    BuildImages(const BuildHostSettings& settings, const Clock& clock);

    /// See BuildHost::image.
    [[nodiscard]] Result<BuildImage> find(
        const std::string& reference, Fetch fetch, const launcher::LineSink& progress, std::stop_token stop);

    /// What a slot takes of the image with this id.
    [[nodiscard]] Result<launcher::SlotImage> inside(
        docker::Docker& docker, const std::string& id, std::stop_token stop);

private:
    void remember(const docker::Image& image);

    const docker::Engine engine_;
    launcher::ImageDisk disk_;
    launcher::RegistryLogins logins_;
    launcher::ImageSource source_;
    std::mutex mutex_;
    std::map<std::string, launcher::SlotImage> known_; ///< By id: an image never changes.
};

} // namespace slipway::vela
