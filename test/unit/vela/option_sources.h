#pragma once

#include "launcher/vela/options.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slipway::test {

/// Sources of options that a test fills.
struct GivenSources {
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> variables;
    std::map<std::string, std::string> files;
    std::string os_hostname = "machine-1";
    bool root = true;

    /// Refers to this object.
    [[nodiscard]] vela::Sources sources() const
    {
        return {.arguments = arguments,
            .variables = variables,
            .read_file = [this](const std::string& path) -> std::optional<std::string> {
                const auto found = files.find(path);
                return found == files.end() ? std::nullopt : std::optional{found->second};
            },
            .os_hostname = os_hostname,
            .root = root};
    }
};

/// What the installation instructions set at least.
inline GivenSources basic_sources()
{
    GivenSources given;
    given.variables = {{"VELA_SERVER_ADDR", "https://vela.test"}, {"VELA_QUEUE_DRIVER", "redis"}};
    return given;
}

} // namespace slipway::test
