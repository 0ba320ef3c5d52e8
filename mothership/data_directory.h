#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/result.h"
#include "common/unique_fd.h"

#include <chrono>
#include <filesystem>
#include <stop_token>

namespace slipway::mothership {

/// Where things are in the directory that `init` makes.
struct DataDirectory {
    std::filesystem::path root;

    [[nodiscard]] std::filesystem::path lock() const { return root / "lock"; }

    [[nodiscard]] std::filesystem::path config() const { return root / "config.json"; }

    [[nodiscard]] std::filesystem::path database() const { return root / "slipway.db"; }

    [[nodiscard]] std::filesystem::path generation() const { return root / "generation"; }

    [[nodiscard]] std::filesystem::path blobs() const { return root / "blobs"; }

    [[nodiscard]] std::filesystem::path ca_certificate() const { return root / "ca.pem"; }

    [[nodiscard]] std::filesystem::path ca_key() const { return root / "ca.key"; }

    [[nodiscard]] std::filesystem::path server_identity() const { return root / "server.pem"; }

    [[nodiscard]] std::filesystem::path admin_key() const { return root / "admin.key"; }
};

/// Keeps other processes out of a data directory while it exists; a kill releases it.
class DirectoryLock {
public:
    /// Waits up to `patience` for a holder to go, so that a restart may overlap, and says so; fails with
    /// `conflict` after that.
    static Result<DirectoryLock> take(const DataDirectory& directory, const Clock& clock,
        const Logger& logger, std::chrono::milliseconds patience, std::stop_token stop);

private:
    explicit DirectoryLock(UniqueFd fd)
        : fd_{std::move(fd)}
    {
    }

    UniqueFd fd_;
};

} // namespace slipway::mothership
