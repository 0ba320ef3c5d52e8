#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/result.h"
#include "docker-client/docker.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// One image that this launcher has pulled.
struct PulledImage {
    std::string id;
    std::vector<std::string> names; ///< As they were pulled: "registry/name:tag" or with a digest.
    std::int64_t used = 0; ///< Seconds since 1970, of the last stage that asked for it.

    bool operator==(const PulledImage&) const = default;
};

/// Most that are remembered; the least recently used one is forgotten, and so never removed by us.
inline constexpr std::size_t kMaxPulledImages = 1000;
inline constexpr std::size_t kMaxPulledFile = 1024 * 1024;

[[nodiscard]] std::string write_pulled_images(const std::vector<PulledImage>& images);
/// Fails with `invalid_input`.
[[nodiscard]] Result<std::vector<PulledImage>> parse_pulled_images(std::string_view json);

/// The images that this launcher has pulled, in a small file, so that no other is ever removed. What cannot
/// be written or read is forgotten with a warning: an image too many is no harm. Thread-safe.
class PulledImages {
public:
    /// `clock` and the logger's sink outlive it.
    PulledImages(std::filesystem::path file, const Clock& clock, const Logger& logger);

    void pulled(const std::string& id, const std::string& name);
    /// A stage asks for it. Nothing happens when it was not pulled here.
    void used(const std::string& id);

    /// Removes the least recently used ones, one after the other, until `enough` says so. Left alone are
    /// those whose id is in `in_use`, those of a container, running or not, that bear a
    /// name which we did not pull, and that were asked for within the last `kMinimumAge`: their container is
    /// about to be made.
    Result<void> clean(docker::Docker& docker, std::set<std::string> in_use,
        const std::function<bool()>& enough, std::stop_token stop);

    static constexpr std::chrono::minutes kMinimumAge{15};

private:
    enum class Removal : std::uint8_t { removed, gone, kept, disowned };
    Result<Removal> remove(
        docker::Docker& docker, const PulledImage& image, const std::stop_token& stop) const;
    void forget(const std::string& id);
    void save();
    [[nodiscard]] std::int64_t now() const;

    const std::filesystem::path file_;
    const Clock& clock_;
    const Logger logger_;
    std::mutex cleaning_; ///< One cleaner at a time.
    std::mutex mutex_;
    std::vector<PulledImage> images_;
};

} // namespace slipway::launcher
