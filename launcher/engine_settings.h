#pragma once

#include "common/protocol/wire.h"
#include "launcher/config.h"
#include "launcher/limits.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway::launcher {

/// What the engine needs to know; nothing of where a value comes from.
struct EngineSettings {
    std::filesystem::path state_directory;
    int capacity = 1; ///< Jobs at once.
    Limits limits;
    std::vector<PassedVariable> passed; ///< Of the launcher's environment, for jobs.
    std::string default_image; ///< For stages that name none.
    std::string pool_id; ///< Offers for another pool are declined.
    std::string version; ///< For the registration, as the two below.
    std::string hostname;
    protocol::Metadata metadata;
    std::uint64_t log_quota = 512ULL * 1024 * 1024; ///< Of one job's output; 0: none.
    std::uint64_t least_free_bytes
        = 256ULL * 1024 * 1024; ///< Of the state directory's file system, for intake.
    std::uint64_t least_free_inodes = 1000;
    std::chrono::milliseconds reconcile_interval{5000};
};

} // namespace slipway::launcher
