#pragma once

#include <compare>
#include <cstdint>

namespace slipway::protocol {

/// What a stage may do to the world.
enum class StageKind : std::uint8_t {
    read, ///< Plans and the like: may be started anew after its worker was lost.
    write, ///< Applying, destroying, performing, testing: started at most once, whatever happens.
};

/// Names one grant of one stage; grows with each grant. The epoch grows when the store was restored from a
/// backup, so that a grant of the new epoch is above every grant that the lost part of history may have made.
struct Fence {
    std::uint32_t epoch = 0;
    std::uint32_t number = 0;

    auto operator<=>(const Fence&) const = default;

    /// The form on the wire and in the store: below 2^63.
    [[nodiscard]] constexpr std::int64_t to_integer() const noexcept
    {
        return static_cast<std::int64_t>((static_cast<std::uint64_t>(epoch & 0x7FFFFFFFU) << 32U) | number);
    }

    [[nodiscard]] static constexpr Fence from_integer(std::int64_t value) noexcept
    {
        const auto bits = static_cast<std::uint64_t>(value);
        return {static_cast<std::uint32_t>(bits >> 32U), static_cast<std::uint32_t>(bits)};
    }
};

/// How a granted stage ended.
enum class Outcome : std::uint8_t {
    none, ///< It has not ended.
    succeeded,
    failed, ///< Its own failure, a limit, or a stop: final.
    lost, ///< Its container is gone or ended by its lease: a stage that reads may be granted again.
};

/// Milliseconds of a clock that never steps back: served time in the control plane, time since boot in a
/// launcher.
using Millis = std::int64_t;

} // namespace slipway::protocol
