#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// Finds where one of a few short byte strings may stand: where two of its bytes are, the rarer ones, at
/// their distances. Many places are compared at once, which for a few pairs is faster than to look at each
/// byte. Immutable and thread-safe.
class BytePairs {
public:
    static constexpr std::size_t kBlock = 64; ///< Places that are looked at together.
    static constexpr std::size_t kWidth = 16; ///< Of these, so many at once.
    static constexpr std::size_t kReach = 8; ///< The bytes of a pair are within so many.

    /// BytePairs such that each of `needles`, of two bytes or more, has one of them. None, if that takes too
    /// many.
    [[nodiscard]] static std::optional<BytePairs> of(const std::vector<std::string_view>& needles);

    /// A bit for each of the kBlock places from `at` on at which a needle may begin. Reads kBlock + kReach
    /// bytes.
    [[nodiscard]] std::uint64_t starts(const char* at) const noexcept;

private:
    static constexpr std::size_t kMost = 8;

    struct Pair {
        unsigned char first = 0;
        unsigned char second = 0;
        std::uint8_t at_first = 0; ///< In the needle.
        std::uint8_t at_second = 0;

        [[nodiscard]] bool is_in(std::string_view needle) const noexcept;
        [[nodiscard]] std::size_t commonness() const noexcept;
    };

    [[nodiscard]] static Pair best(std::string_view needle, const std::vector<std::string_view>& needles);

    /// A pair, its bytes repeated as often as they are compared at once.
    struct Wide {
        std::array<unsigned char, kWidth> first;
        std::array<unsigned char, kWidth> second;
        std::size_t at_first;
        std::size_t at_second;
    };

    std::vector<Wide> pairs_;
};

} // namespace slipway::launcher
