#include "launcher/registry/docker_config.h"

#include "common/ascii.h"
#include "common/base64.h"
#include "common/json.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::string_view kHubAddress = "https://index.docker.io/v1/";

/// Keys were written by many tools: with a scheme, with a path, under Docker Hub's other names.
std::string host_of(std::string_view key)
{
    for (const std::string_view scheme : {"https://", "http://"})
        if (key.starts_with(scheme))
            key.remove_prefix(scheme.size());
    key = key.substr(0, key.find('/'));
    std::string host{key};
    std::ranges::transform(host, host.begin(), lower);
    if (host == "index.docker.io" || host == "registry-1.docker.io")
        return "docker.io";
    return host;
}

Result<Secret> secret_field(const JsonValue& json, std::string_view name)
{
    auto text = SLIPWAY_TRY(json.string_or(name, ""));
    return Secret::take(text);
}

/// "auth" is the base64 of "user:password". Old tools fill it up with zero bytes.
Result<void> take_auth(StoredLogin& login, std::string encoded)
{
    auto decoded = base64_decode(encoded);
    wipe(encoded);
    if (!decoded)
        return std::move(decoded).error();
    const auto colon = decoded->find(':');
    if (colon == std::string::npos) {
        wipe(*decoded);
        return Error{Errc::invalid_input, "it is not the base64 of user:password"};
    }
    login.username = decoded->substr(0, colon);
    const auto end = std::min(decoded->find('\0'), decoded->size());
    login.password = Secret{std::string_view{*decoded}.substr(colon + 1, end - colon - 1)};
    wipe(*decoded);
    return {};
}

Result<StoredLogin> read_login(const JsonValue& json)
{
    StoredLogin login;
    login.username = SLIPWAY_TRY(json.string_or("username", ""));
    login.password = SLIPWAY_TRY(secret_field(json, "password"));
    login.identity_token = SLIPWAY_TRY(secret_field(json, "identitytoken"));
    login.registry_token = SLIPWAY_TRY(secret_field(json, "registrytoken"));
    if (auto auth = SLIPWAY_TRY(json.string_or("auth", "")); !auth.empty())
        SLIPWAY_TRY(in(json.path() + ".auth", take_auth(login, std::move(auth))));
    return login;
}

/// It becomes a part of a program's name.
Result<void> check_helper(const std::string& name, std::string_view where)
{
    const bool good = std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_'
            || c == '.';
    });
    if (good)
        return {};
    return Error{Errc::invalid_input, std::string{where} + ": not the name of a credential helper"};
}

} // namespace

std::string login_address(std::string_view registry)
{
    return registry == "docker.io" ? std::string{kHubAddress} : std::string{registry};
}

std::string DockerConfig::helper_of(std::string_view registry) const
{
    const auto own = std::ranges::find(helpers, registry, &std::pair<std::string, std::string>::first);
    return own == helpers.end() ? store : own->second;
}

const StoredLogin* DockerConfig::login_of(std::string_view registry) const
{
    const auto own = std::ranges::find_if(
        logins, [registry](const auto& login) { return login.first == registry && !login.second.empty(); });
    return own == logins.end() ? nullptr : &own->second;
}

Result<DockerConfig> parse_docker_config(std::string_view json)
{
    const auto document
        = SLIPWAY_TRY(JsonDocument::parse(json, {.max_bytes = kMaxDockerConfig, .max_depth = 32}));
    const auto root = document.root();
    DockerConfig config;
    if (const auto auths = SLIPWAY_TRY(root.find("auths")))
        for (const auto& [key, value] : SLIPWAY_TRY(auths->members()))
            config.logins.emplace_back(host_of(key), SLIPWAY_TRY(read_login(value)));
    for (auto& [key, helper] : SLIPWAY_TRY(root.string_map("credHelpers"))) {
        SLIPWAY_TRY(check_helper(helper, "$.credHelpers." + key));
        config.helpers.emplace_back(host_of(key), std::move(helper));
    }
    config.store = SLIPWAY_TRY(root.string_or("credsStore", ""));
    SLIPWAY_TRY(check_helper(config.store, "$.credsStore"));
    return config;
}

Secret auth_config(const StoredLogin& login, std::string_view registry)
{
    JsonWriter json;
    json.begin_object();
    if (!login.identity_token.empty()) {
        json.field("identitytoken", login.identity_token.reveal());
    } else if (!login.registry_token.empty()) {
        json.field("registrytoken", login.registry_token.reveal());
    } else {
        json.field("username", login.username).field("password", login.password.reveal());
    }
    json.field("serveraddress", login_address(registry)).end_object();
    auto text = json.take();
    return Secret::take(text);
}

} // namespace slipway::launcher
