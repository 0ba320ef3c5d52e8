#include "launcher/suggestion.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace slipway::launcher {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known)
{
    constexpr std::size_t longest = 100; // The work grows with the product of the lengths.
    if (name.size() > longest)
        return {};
    std::string_view nearest;
    std::size_t least = std::min<std::size_t>(4, (name.size() + 1) / 2);
    for (const auto candidate : known) {
        if (candidate.empty())
            continue;
        if (const auto distance = edit_distance(candidate, name); distance < least) {
            least = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

} // namespace slipway::launcher
