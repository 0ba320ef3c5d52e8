#pragma once

#include "launcher/options.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Settings as a launcher reads them from variables and flags.
namespace slipway::test {

using namespace slipway::launcher;

using Variables = std::vector<std::pair<std::string, std::string>>;

inline Result<Settings> settings_of(const Variables& variables, std::vector<const char*> flags = {})
{
    flags.insert(flags.begin(), "slipway-launcher");
    const auto line = SLIPWAY_TRY(parse_command_line(static_cast<int>(flags.size()), flags.data()));
    return read_settings(line, Environment::of(variables, kSecretVariables), true, {});
}

inline Config config_of(const Variables& variables, const std::vector<const char*>& flags = {})
{
    auto settings = settings_of(variables, flags);
    INFO((settings ? "" : settings.error().message()));
    REQUIRE(settings);
    return settings->config;
}

inline std::string failure_of(const Variables& variables, const std::vector<const char*>& flags = {})
{
    const auto settings = settings_of(variables, flags);
    REQUIRE_FALSE(settings);
    CHECK(settings.error().code() == Errc::invalid_input);
    return settings.error().message();
}

inline std::string origin_of(const Settings& settings, std::string_view name)
{
    const auto found = std::ranges::find(settings.list, name, &Setting::name);
    REQUIRE(found != settings.list.end());
    return found->origin;
}

inline bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

} // namespace slipway::test
