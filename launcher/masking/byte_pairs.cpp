#include "launcher/masking/byte_pairs.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace slipway::launcher {

namespace {

/// In logs, the most common first. What is not in it is rare.
constexpr std::string_view kCommon = " eatrsionlcdpmu0h1g2.fy-b/3w:=,v5k4_678\"9";

/// Bytes that GCC and Clang compare at once with what every processor of the kind has for it.
using Vector = unsigned char __attribute__((vector_size(BytePairs::kWidth)));
constexpr std::size_t kVectors = BytePairs::kBlock / BytePairs::kWidth;

Vector load(const void* at) noexcept
{
    Vector bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

std::size_t commonness_of(unsigned char byte)
{
    return kCommon.size() - std::min(kCommon.find(static_cast<char>(byte)), kCommon.size());
}

} // namespace

bool BytePairs::Pair::is_in(std::string_view needle) const noexcept
{
    return at_second < needle.size() && static_cast<unsigned char>(needle[at_first]) == first
        && static_cast<unsigned char>(needle[at_second]) == second;
}

std::size_t BytePairs::Pair::commonness() const noexcept
{
    return commonness_of(first) + commonness_of(second);
}

/// Of the pairs in `needle` the one that most of `needles` have, and of those the rarest.
BytePairs::Pair BytePairs::best(std::string_view needle, const std::vector<std::string_view>& needles)
{
    Pair best;
    std::ptrdiff_t best_count = 0;
    const std::size_t end = std::min(needle.size(), kReach);
    for (std::size_t i = 0; i < end; ++i)
        for (std::size_t j = i + 1; j < end; ++j) {
            const Pair pair{.first = static_cast<unsigned char>(needle[i]),
                .second = static_cast<unsigned char>(needle[j]),
                .at_first = static_cast<std::uint8_t>(i),
                .at_second = static_cast<std::uint8_t>(j)};
            const auto count
                = std::ranges::count_if(needles, [&](std::string_view other) { return pair.is_in(other); });
            if (count > best_count || (count == best_count && pair.commonness() < best.commonness())) {
                best = pair;
                best_count = count;
            }
        }
    return best;
}

std::optional<BytePairs> BytePairs::of(const std::vector<std::string_view>& needles)
{
    BytePairs pairs;
    for (auto left = needles; !left.empty();) {
        if (pairs.pairs_.size() == kMost)
            return std::nullopt;
        const Pair pair = best(left.front(), left);
        std::erase_if(left, [&](std::string_view needle) { return pair.is_in(needle); });
        Wide wide{.first = {}, .second = {}, .at_first = pair.at_first, .at_second = pair.at_second};
        wide.first.fill(pair.first);
        wide.second.fill(pair.second);
        pairs.pairs_.push_back(wide);
    }
    return pairs;
}

std::uint64_t BytePairs::starts(const char* at) const noexcept
{
    std::array<Vector, kVectors> found{};
    for (const Wide& pair : pairs_) {
        const Vector first = load(pair.first.data());
        const Vector second = load(pair.second.data());
        for (std::size_t i = 0; i < kVectors; ++i) {
            const char* const block = at + i * kWidth;
            found[i] |= reinterpret_cast<Vector>(load(block + pair.at_first) == first)
                & reinterpret_cast<Vector>(load(block + pair.at_second) == second);
        }
    }
    std::array<std::uint64_t, kBlock / 8> words{};
    std::memcpy(words.data(), found.data(), kBlock);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words)
        any |= word;
    if (any == 0)
        return 0;
    std::array<unsigned char, kBlock> bytes{};
    std::memcpy(bytes.data(), found.data(), kBlock);
    std::uint64_t starts = 0;
    for (std::size_t i = 0; i < kBlock; ++i)
        starts |= std::uint64_t{bytes[i] & 1U} << i;
    return starts;
}

} // namespace slipway::launcher
