#include "launcher/config.h"

#include "common/http/url.h"
#include "launcher/value_syntax.h"

#include <algorithm>
#include <cstdlib>

namespace slipway::launcher {

namespace {

Result<AllowedName> read_name(std::string_view entry, std::span<const std::string_view> secrets)
{
    AllowedName allowed{.name = std::string{entry}};
    if (entry.starts_with("ro_") || entry.starts_with("wo_")) {
        allowed.name = entry.substr(3);
        allowed.stages = entry.starts_with("ro_") ? StageClass::read : StageClass::write;
    }
    if (!is_variable_name(allowed.name))
        return Error{Errc::invalid_input,
            "\"" + std::string{entry}
                + "\" is not the name of a variable; give names without values, separated by commas"};
    if (std::ranges::find(secrets, allowed.name) != secrets.end())
        return Error{Errc::invalid_input,
            "it names " + allowed.name + ", which is never passed to a job: take it off the list"};
    return allowed;
}

} // namespace

Result<std::vector<AllowedName>> read_allowed_names(
    std::string_view text, std::span<const std::string_view> secrets)
{
    std::vector<AllowedName> names;
    for (const auto entry : list_entries(text))
        names.push_back(SLIPWAY_TRY(read_name(entry, secrets)));
    return names;
}

Result<std::string> read_server_url(std::string_view text)
{
    const auto url = http::parse_url(text);
    if (url && url->scheme == "https" && url->path == "/" && url->query.empty())
        return url->origin();
    // Nobody's password is repeated.
    const std::string shown
        = text.find('@') == std::string_view::npos ? "\"" + std::string{text} + "\"" : "the value";
    return Error{Errc::invalid_input,
        shown + " is no address of a server" + (url ? "" : " (" + url.error().message() + ")")
            + ": give https://host or https://host:port"};
}

std::vector<PassedVariable> passed_variables(
    const std::vector<AllowedName>& names, const Environment& environment)
{
    std::vector<PassedVariable> passed;
    for (const auto& [name, stages] : names) {
        const auto found
            = std::ranges::find(environment.variables(), name, &std::pair<std::string, std::string>::first);
        if (found != environment.variables().end())
            passed.push_back({name, found->second, stages});
    }
    return passed;
}

std::vector<AllowedName> names_for_jobs(const Config& config)
{
    auto names = config.allowed_names;
    for (const auto& masked : config.engine.mask_names)
        if (std::ranges::find(names, masked, &AllowedName::name) == names.end())
            names.push_back({.name = masked});
    return names;
}

std::vector<PassedVariable> variables_for_jobs(const Config& config)
{
    std::vector<PassedVariable> variables;
    // git-config(1), GIT_CONFIG_COUNT: no file of the job is touched.
    int number = 0;
    for (const auto& vcs : config.private_vcs) {
        std::string endpoint = vcs.base_endpoint;
        if (!endpoint.ends_with('/'))
            endpoint += '/';
        const std::string suffix = std::to_string(number++);
        variables.push_back({.name = "GIT_CONFIG_KEY_" + suffix, .value = "url." + endpoint + ".insteadOf"});
        variables.push_back({.name = "GIT_CONFIG_VALUE_" + suffix, .value = "private://" + vcs.name + "/"});
    }
    if (number > 0)
        variables.push_back({.name = "GIT_CONFIG_COUNT", .value = std::to_string(number)});
    return variables;
}

void export_proxies(const Proxies& proxies)
{
    const auto set = [](const char* lower, const char* upper, const std::string& value) {
        for (const auto* name : {lower, upper})
            if (value.empty())
                ::unsetenv(name); // NOLINT(concurrency-mt-unsafe): before the first thread.
            else
                ::setenv(name, value.c_str(), 1); // NOLINT(concurrency-mt-unsafe): likewise.
    };
    set("https_proxy", "HTTPS_PROXY", proxies.https);
    set("http_proxy", "HTTP_PROXY", proxies.http);
    set("no_proxy", "NO_PROXY", proxies.none);
}

Result<std::string> default_state_directory(bool root, const Environment& environment)
{
    if (root)
        return std::string{"/var/lib/slipway"};
    if (const auto state = environment.find("XDG_STATE_HOME"))
        return std::string{*state} + "/slipway";
    if (const auto home = environment.find("HOME"))
        return std::string{*home} + "/.local/state/slipway";
    return Error{Errc::invalid_input,
        "SLIPWAY_STATE_DIR: without HOME there is no default: set it to a directory of your own"};
}

} // namespace slipway::launcher
