#include "launcher/config.h"

#include "common/http/url.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// What POSIX calls a name (XBD 3.235).
bool is_name(std::string_view text)
{
    return !text.empty() && is_letter(text.front())
        && std::ranges::all_of(text, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Result<AllowedName> read_name(std::string_view entry, std::span<const std::string_view> secrets)
{
    AllowedName allowed{.name = std::string{entry}};
    if (entry.starts_with("ro_") || entry.starts_with("wo_")) {
        allowed.name = entry.substr(3);
        allowed.stages = entry.starts_with("ro_") ? StageClass::read : StageClass::write;
    }
    if (!is_name(allowed.name))
        return Error{Errc::invalid_input,
            "\"" + std::string{entry}
                + "\" is not the name of a variable; give names without values, separated by commas"};
    if (std::ranges::find(secrets, allowed.name) != secrets.end())
        return Error{Errc::invalid_input,
            "it names " + allowed.name + ", which is never passed to a job: take it off the list"};
    return allowed;
}

} // namespace

Result<void> read_allow_list(Config& config, std::string_view text)
{
    config.allowed_names = SLIPWAY_TRY(read_allowed_names(text, kSecretVariables));
    return {};
}

Result<std::vector<AllowedName>> read_allowed_names(
    std::string_view text, std::span<const std::string_view> secrets)
{
    std::vector<AllowedName> names;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (const auto entry = trimmed(text.substr(0, comma)); !entry.empty())
            names.push_back(SLIPWAY_TRY(read_name(entry, secrets)));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
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

Result<void> read_comms_url(Config& config, std::string_view text)
{
    config.comms_url = SLIPWAY_TRY(read_server_url(text));
    return {};
}

Result<void> read_metadata(Config& config, std::string_view name, std::string_view value)
{
    auto& metadata = config.engine.metadata;
    if (metadata.size() == protocol::kMaxMetadata)
        return Error{Errc::invalid_input,
            "it is one tag too many: a worker has at most " + std::to_string(protocol::kMaxMetadata)};
    if (name.size() > protocol::kMaxMetadataName || value.size() > protocol::kMaxMetadataValue)
        return Error{Errc::invalid_input,
            "a tag's name may have " + std::to_string(protocol::kMaxMetadataName) + " bytes and its value "
                + std::to_string(protocol::kMaxMetadataValue)};
    metadata.emplace_back(name, value);
    return {};
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
