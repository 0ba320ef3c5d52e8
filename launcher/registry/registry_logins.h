#pragma once

#include "common/clock.h"
#include "common/result.h"
#include "launcher/registry/credential_helper.h"
#include "launcher/registry/docker_config.h"
#include "launcher/registry/ecr.h"
#include "launcher/registry/image_reference.h"

#include <filesystem>
#include <stop_token>

namespace slipway::launcher {

struct RegistrySettings {
    std::filesystem::path docker_config_dir; ///< Empty: none.
    HelperSettings helper;
    AwsSettings aws;
    std::string variable = "SPACELIFT_DOCKER_CONFIG_DIR"; ///< By which an operator sets the directory.
};

/// Logins at registries: from Docker's config.json, which is read anew each time, so that a `docker login`
/// counts from the next pull on; for Amazon's registries that it does not name, by the machine's role.
/// Thread-safe.
class RegistryLogins {
public:
    RegistryLogins(RegistrySettings settings, const Clock& clock)
        : settings_{std::move(settings)}
        , ecr_{settings_.aws, clock}
    {
    }

    /// A login without `auth` is an anonymous one. Fails when credentials were asked for and cannot be had;
    /// never with a code that speaks of the image: `internal`, `timed_out` or `cancelled`.
    [[nodiscard]] Result<RegistryLogin> find(const ImageReference& image, std::stop_token stop);
    /// The registry has refused what was found.
    void refused(const ImageReference& image);

private:
    [[nodiscard]] Result<RegistryLogin> from_config(const std::string& registry, std::stop_token stop) const;

    const RegistrySettings settings_;
    EcrLogins ecr_;
};

} // namespace slipway::launcher
