#pragma once

#include <string_view>

/// Where a job sees what belongs to the provider cache. Beside its workspace, so that links into it become
/// what they lead to when the workspace moves to another container.
namespace slipway::launcher {

/// Nothing else may be mounted in here.
inline constexpr std::string_view kCachePlace = "/mnt/slipway";
/// All packages, by their hash, to read only.
inline constexpr std::string_view kPackagesMount = "/mnt/slipway/providers";
/// The job's own plugin cache, which begins with links into that.
inline constexpr std::string_view kJobPlugins = "/mnt/slipway/plugins";

} // namespace slipway::launcher
