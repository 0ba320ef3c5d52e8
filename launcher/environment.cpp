#include "launcher/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace slipway::launcher {

Environment Environment::take(std::span<const std::string_view> secrets)
{
    Environment environment;
    std::vector<std::string> found;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view line{*entry};
        const auto equals = line.find('=');
        if (equals == std::string_view::npos)
            continue;
        const std::string_view name = line.substr(0, equals);
        environment.add(name, line.substr(equals + 1), secrets);
        if (std::ranges::find(secrets, name) != secrets.end()) {
            found.emplace_back(name);
            wipe(*entry + equals + 1, line.size() - equals - 1);
        }
    }
    for (const auto& name : found)
        ::unsetenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): before the first thread.
    return environment;
}

Environment Environment::of(const std::vector<std::pair<std::string, std::string>>& variables,
    std::span<const std::string_view> secrets)
{
    Environment environment;
    for (const auto& [name, value] : variables)
        environment.add(name, value, secrets);
    return environment;
}

void Environment::add(
    std::string_view name, std::string_view value, std::span<const std::string_view> secrets)
{
    if (std::ranges::find(secrets, name) == secrets.end())
        variables_.emplace_back(name, value);
    else
        secrets_.emplace_back(name, Secret{value});
}

std::optional<std::string_view> Environment::find(std::string_view name) const
{
    const auto found = std::ranges::find(variables_, name, &std::pair<std::string, std::string>::first);
    if (found == variables_.end() || found->second.empty())
        return std::nullopt;
    return found->second;
}

Secret Environment::secret(std::string_view name) const
{
    const auto found = std::ranges::find(secrets_, name, &std::pair<std::string, Secret>::first);
    return found == secrets_.end() ? Secret{} : found->second;
}

} // namespace slipway::launcher
