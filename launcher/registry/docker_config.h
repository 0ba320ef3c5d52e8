#pragma once

#include "common/result.h"
#include "common/secret.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// How to log in at a registry.
struct RegistryLogin {
    Secret auth; ///< JSON, as `docker::PullSpec::auth` wants it; empty: anonymous.
    /// Words for people: "as \"ci\" (of /etc/x/config.json)"; "without credentials: …". Holds no secret.
    std::string origin;
};

/// One entry under "auths" of Docker's config.json.
struct StoredLogin {
    std::string username;
    Secret password;
    Secret identity_token;
    Secret registry_token;

    [[nodiscard]] bool empty() const
    {
        return username.empty() && password.empty() && identity_token.empty() && registry_token.empty();
    }
};

/// What Docker's config.json says of registries (docs.docker.com/reference/cli/docker/login); everything else
/// in it is ignored.
struct DockerConfig {
    std::vector<std::pair<std::string, StoredLogin>> logins; ///< By host.
    std::vector<std::pair<std::string, std::string>> helpers; ///< "credHelpers": host and helper.
    std::string store; ///< "credsStore": the helper for every other host; empty: none.

    /// The helper to ask for a registry; empty: none.
    [[nodiscard]] std::string helper_of(std::string_view registry) const;
    [[nodiscard]] const StoredLogin* login_of(std::string_view registry) const;
};

inline constexpr std::size_t kMaxDockerConfig = 1024 * 1024;

/// Fails with `invalid_input`, naming the place; values are never repeated.
[[nodiscard]] Result<DockerConfig> parse_docker_config(std::string_view json);

/// The address under which Docker files a registry's login: its host; of Docker Hub, the URL of its old API.
[[nodiscard]] std::string login_address(std::string_view registry);

/// The JSON AuthConfig of the Docker Engine API.
[[nodiscard]] Secret auth_config(const StoredLogin& login, std::string_view registry);

} // namespace slipway::launcher
