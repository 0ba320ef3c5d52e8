#include "launcher/registry/registry_logins.h"

#include "common/file.h"

namespace slipway::launcher {

namespace {

RegistryLogin anonymous(std::string why)
{
    return {.auth = {}, .origin = "without credentials (" + std::move(why) + ")"};
}

RegistryLogin login_with(const StoredLogin& login, std::string_view registry, const std::string& source)
{
    const std::string who = login.username.empty() ? "with the token" : "as \"" + login.username + "\"";
    return {.auth = auth_config(login, registry), .origin = who + " (" + source + ")"};
}

} // namespace

Result<RegistryLogin> RegistryLogins::from_config(const std::string& registry, std::stop_token stop) const
{
    if (settings_.docker_config_dir.empty())
        return anonymous(settings_.variable + " is not set");
    const auto path = settings_.docker_config_dir / "config.json";
    auto text = read_file_if_exists(path, kMaxDockerConfig);
    if (!text)
        return Error{Errc::internal,
            settings_.variable + ": the launcher cannot read its config.json: " + text.error().message()};
    if (!*text)
        return anonymous(path.string() + " does not exist");
    const auto config = parse_docker_config(**text);
    wipe(**text);
    if (!config)
        return Error{Errc::internal,
            settings_.variable + ": " + path.string() + " cannot be used: " + config.error().message()};
    const std::string helper = config->helper_of(registry);
    if (!helper.empty()) {
        const auto login = SLIPWAY_TRY(ask_helper(helper, registry, settings_.helper, std::move(stop)));
        if (login)
            return login_with(*login, registry, "of docker-credential-" + helper);
    }
    if (const auto* const login = config->login_of(registry))
        return login_with(*login, registry, "of " + path.string());
    return anonymous(helper.empty() ? path.string() + " names none for " + registry
                                    : "docker-credential-" + helper + " has none for " + registry);
}

Result<RegistryLogin> RegistryLogins::find(const ImageReference& image, std::stop_token stop)
{
    auto login = SLIPWAY_TRY(from_config(image.registry, stop));
    const std::string region = ecr_region(image.registry);
    if (!login.auth.empty() || region.empty())
        return login;
    const auto role = SLIPWAY_TRY(ecr_.login(region, std::move(stop)));
    return RegistryLogin{.auth = auth_config(role, image.registry), .origin = "by this machine's AWS role"};
}

void RegistryLogins::refused(const ImageReference& image)
{
    if (const std::string region = ecr_region(image.registry); !region.empty())
        ecr_.forget(region);
}

} // namespace slipway::launcher
