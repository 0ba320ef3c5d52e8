#pragma once

#include "docker-client/engine.h"
#include "launcher/disk_room.h"

#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::launcher {

/// The disk that Docker keeps its images on. Where it is, the engine is asked once, when someone first wants
/// to know. Thread-safe.
class ImageDisk {
public:
    ImageDisk(docker::Engine engine, LeastFree least)
        : engine_{std::move(engine)}
        , least_{least}
    {
    }

    /// What it lacks, as `disk_shortage` says; nothing when there is room, or when it cannot be seen from
    /// here: the engine is on another machine, or does not answer.
    [[nodiscard]] std::optional<std::string> shortage(std::stop_token stop);

private:
    [[nodiscard]] std::filesystem::path root(std::stop_token stop);

    const docker::Engine engine_;
    const LeastFree least_;
    std::mutex mutex_;
    std::filesystem::path root_; ///< Empty: not known yet.
};

} // namespace slipway::launcher
