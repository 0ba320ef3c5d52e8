#include "launcher/reload.h"

#include <unistd.h>

#include <algorithm>

namespace slipway::launcher {

namespace {

bool from_file(const Settings& settings, std::string_view variable)
{
    const auto setting = std::ranges::find(settings.list, variable, &Setting::name);
    return setting != settings.list.end() && setting->origin.starts_with("file ");
}

} // namespace

Result<Identity> read_identity_again(const CommandLine& command_line, const Environment& environment,
    const Config& started, const Identity& current, const Clock& clock)
{
    auto settings = SLIPWAY_TRY(read_settings(command_line, environment, ::geteuid() == 0));
    if (std::ranges::none_of(
            kSecretVariables, [&](std::string_view variable) { return from_file(settings, variable); }))
        return Error{Errc::conflict,
            "token and private key came from the environment of this process, which cannot be read again: "
            "restart "
            "the launcher to change them, or start it with --token-file and --private-key-file"};
    // Those of the machine were read at the start, and its jobs were given them.
    if (settings.config.additional_root_cas == started.additional_root_cas)
        settings.config.engine.root_cas = started.engine.root_cas;
    auto checked = check_identity(settings.config, clock);
    if (auto* refusal = std::get_if<Refusal>(&checked))
        return Error{Errc::invalid_input, std::move(refusal->message)};
    auto& fresh = std::get<Identity>(checked);
    if (fresh.pool_id != current.pool_id)
        return Error{Errc::conflict,
            "the token is of another pool, " + fresh.pool_id + ": restart the launcher to change its pool"};
    if (fresh.url != current.url || fresh.ca_pem != current.ca_pem)
        return Error{Errc::conflict,
            "the token names another control plane or authority: restart the launcher to change that"};
    return std::move(fresh);
}

} // namespace slipway::launcher
