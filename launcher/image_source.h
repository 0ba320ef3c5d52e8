#pragma once

#include "common/clock.h"
#include "docker-client/docker.h"
#include "launcher/image_disk.h"
#include "launcher/registry/registry_logins.h"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Takes lines for people.
using LineSink = std::function<void(std::string_view)>;

/// How long a pull may take.
struct PullLimits {
    std::chrono::milliseconds whole{std::chrono::minutes{15}};
    std::chrono::milliseconds silence{std::chrono::minutes{2}}; ///< Without progress.
};

/// For people: how the DOCKER_CONFIG of a `docker login` is to be set for this launcher to find it.
inline constexpr std::string_view kLoginPlace = "to the directory that SPACELIFT_DOCKER_CONFIG_DIR names";

/// The registries, as Docker and our credentials reach them. Failures are sentences that name the image, the
/// credentials that were used and what the other side said; the cause is found by questions and status codes,
/// never by reading Docker's texts. Their codes: `not_found` and `rejected` are the registry's word; every
/// other one means that it could not be asked, or that this machine is at fault. Thread-safe. The
/// referents outlive it.
class ImageSource {
public:
    ImageSource(docker::Engine engine, RegistryLogins& logins, ImageDisk& disk, const Clock& clock,
        PullLimits limits = {}, std::string_view login_place = kLoginPlace)
        : engine_{std::move(engine)}
        , logins_{logins}
        , disk_{disk}
        , clock_{clock}
        , limits_{limits}
        , login_place_{login_place}
    {
    }

    /// The digest that the name means now.
    [[nodiscard]] Result<std::string> digest(const std::string& name, const ImageReference& image,
        std::chrono::milliseconds at_most, std::stop_token stop);

    /// Fetches the image; `progress` gets a line now and then.
    [[nodiscard]] Result<void> pull(
        const std::string& name, const ImageReference& image, const LineSink& progress, std::stop_token stop);

private:
    [[nodiscard]] Result<std::string> ask(const std::string& name, const ImageReference& image,
        const RegistryLogin& login, std::chrono::milliseconds at_most, std::stop_token stop);
    [[nodiscard]] Error cause_of(const Error& failure, const std::string& name, const ImageReference& image,
        const RegistryLogin& login, std::stop_token stop);

    const docker::Engine engine_;
    RegistryLogins& logins_;
    ImageDisk& disk_;
    const Clock& clock_;
    const PullLimits limits_;
    const std::string login_place_;
};

} // namespace slipway::launcher
