#pragma once

#include "launcher/masking/needles.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// What stands in place of a secret.
inline constexpr std::string_view kStars = "*****";

/// Replaces what is covered by occurrences of needles: every byte that lies in any occurrence of any needle
/// is covered, and each longest run of covered bytes becomes `stars`, once. So occurrences that overlap or
/// touch leave nothing of either and show as one. Holds back the longest end that is the beginning of a
/// needle, and nothing else. One thread.
class ValueFilter {
public:
    /// `stars` outlives this object. `offset`: of the first byte, for the needles' `from`.
    ValueFilter(std::shared_ptr<const Needles> needles, std::string_view stars, std::uint64_t offset = 0);

    void push(std::string_view bytes, std::string& out);
    void finish(std::string& out);

    /// Looks for these, too, from now on; they replace those that were given here before.
    void add(std::vector<std::shared_ptr<const Needles>> needles) { added_ = std::move(needles); }

    /// Of the next byte that is pushed.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_ + held_.size(); }

private:
    [[nodiscard]] std::size_t end_of(std::string_view text) const;
    void filter(std::string_view text, std::size_t end, std::string& out);

    std::shared_ptr<const Needles> needles_;
    std::vector<std::shared_ptr<const Needles>> added_;
    std::string_view stars_;
    std::string held_;
    std::uint64_t offset_ = 0; ///< Of held_'s first byte.
    std::size_t covered_ = 0; ///< So many bytes of what follows are covered already.
    bool in_run_ = false; ///< The last byte that went out was covered.
};

} // namespace slipway::launcher
