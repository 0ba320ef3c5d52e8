#pragma once

#include <chrono>

/// How long a call to the engine may take before it fails with `timed_out`: generous for a busy disk, short
/// enough that a hung engine is noticed. Calls that last as long as a container or an image does take theirs
/// as an argument.
namespace slipway::docker::deadlines {

inline constexpr std::chrono::seconds kPing{5};
inline constexpr std::chrono::seconds kQuery{20}; ///< info, inspect, list
inline constexpr std::chrono::seconds kCreate{60};
inline constexpr std::chrono::seconds kStart{
    120}; ///< Includes the runtime's own start and the network set-up.
inline constexpr std::chrono::seconds kKill{30};
inline constexpr std::chrono::seconds kRemove{120}; ///< Includes deleting the container's layer and volumes.
inline constexpr std::chrono::seconds kImport{300};
inline constexpr std::chrono::seconds kPull{900};
inline constexpr std::chrono::seconds kPullStall{120}; ///< Without a byte of progress.

} // namespace slipway::docker::deadlines
