#pragma once

#include "launcher/vela/build_host.h"

#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::vela {

/// Networks of builds that are over, with nothing in them, for builds that come later: to make and to remove
/// a network takes the engine longer than a container does. Thread-safe; the host outlives it.
class BuildPlaces {
public:
    BuildPlaces(BuildHost& host, std::size_t most)
        : host_{host}
        , most_{most}
    {
    }

    /// A place whose network is there (unless somebody else removed it) and nothing else.
    [[nodiscard]] std::optional<std::string> take();
    /// Keeps one that is empty, and that no journal names any more; or, where enough are kept, removes it.
    Result<void> keep(const std::string& place, const std::stop_token& stop);
    /// What is kept, to be removed by the caller.
    [[nodiscard]] std::vector<std::string> take_all();

private:
    BuildHost& host_;
    const std::size_t most_;
    mutable std::mutex mutex_;
    std::vector<std::string> places_;
};

} // namespace slipway::vela
