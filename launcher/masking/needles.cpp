#include "launcher/masking/needles.h"

#include "common/secret.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

namespace slipway::launcher {

namespace {

constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15U; // 2^64 / golden ratio (Knuth, TAOCP 3, 6.4)

/// Needles of `Least` bytes and more, up to the next tier's. One byte of a table has a bit for each step of a
/// stride.
template <std::size_t Least, std::size_t Window> struct Tier {
    static constexpr std::size_t kLeast = Least;
    static constexpr std::size_t kWindow = Window;
    static constexpr std::size_t kStride = std::min<std::size_t>(Least - Window + 1, 8);
};

/// From this length on, needles are found by a table of windows of 4 bytes.
constexpr std::size_t kLeastLong = 8;
constexpr std::size_t kShortWindow = 3;
constexpr std::size_t kLongWindow = 4;
constexpr std::size_t kMostStride = 8; ///< A place is a bit of a byte.
constexpr std::size_t kLeastTable = std::size_t{1} << 12U;
constexpr std::size_t kMostTable = std::size_t{1} << 17U; ///< So that it stays in the second cache.

std::uint32_t load_four(const char* at) noexcept
{
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

template <std::size_t Window> std::uint64_t load_window(const char* at) noexcept
{
    if constexpr (Window == kShortWindow) {
        std::uint16_t two = 0;
        std::memcpy(&two, at, sizeof two);
        return two | std::uint64_t{static_cast<unsigned char>(at[2])} << 16U;
    } else {
        static_assert(Window == sizeof(std::uint32_t));
        return load_four(at);
    }
}

/// Two indexes into a table whose size is `mask` + 1: two collisions at once are rare.
std::pair<std::size_t, std::size_t> indexes(std::uint64_t window, std::size_t mask) noexcept
{
    const std::uint64_t hash = window * kSpread;
    return {hash >> 46U & mask, hash >> 28U & mask};
}

std::size_t spread(std::uint32_t key) noexcept { return static_cast<std::size_t>(key * kSpread >> 32U); }

unsigned byte_of(std::string_view text, std::size_t at) noexcept
{
    return static_cast<unsigned char>(text[at]);
}

std::size_t two_of(std::string_view text) noexcept
{
    return std::size_t{byte_of(text, 0)} << 8U | byte_of(text, 1);
}

/// The table of the first windows of `texts`, which are not empty; and the stride by which these are found.
template <std::size_t Window>
std::pair<std::vector<std::uint8_t>, std::size_t> table_of(const std::vector<std::string_view>& texts)
{
    const auto least = std::ranges::min(texts, {}, &std::string_view::size).size();
    const std::size_t stride = std::min(least - Window + 1, kMostStride);
    // Of each place at most one bit in sixteen is set, as far as the table may grow.
    const std::size_t size = std::clamp(std::bit_ceil(texts.size() * 32), kLeastTable, kMostTable);
    std::vector<std::uint8_t> places(size, 0);
    for (const auto text : texts)
        for (std::size_t i = 0; i < stride; ++i) {
            const auto [one, other] = indexes(load_window<Window>(text.data() + i), size - 1);
            places[one] |= static_cast<std::uint8_t>(1U << i);
            places[other] |= static_cast<std::uint8_t>(1U << i);
        }
    return {std::move(places), stride};
}

} // namespace

Needles::Needles(const std::vector<Needle>& needles)
{
    std::vector<const Needle*> sorted;
    std::size_t size = 0;
    for (const auto& needle : needles) {
        if (needle.text.size() < kShortest || needle.text.size() > kLongest)
            continue;
        sorted.push_back(&needle);
        size += needle.text.size();
    }
    std::ranges::sort(sorted, [](const Needle* a, const Needle* b) {
        const int order = a->text.compare(b->text);
        return order != 0 ? order < 0 : a->from < b->from;
    });
    const auto same = std::ranges::unique(
        sorted, {}, [](const Needle* needle) -> const std::string& { return needle->text; });
    sorted.erase(same.begin(), same.end());
    arena_.reserve(std::min<std::size_t>(size, std::numeric_limits<std::uint32_t>::max()));
    for (const auto* needle : sorted) {
        if (arena_.size() + needle->text.size() > arena_.capacity())
            break;
        entries_.push_back({.at = static_cast<std::uint32_t>(arena_.size()),
            .length = static_cast<std::uint32_t>(needle->text.size()),
            .parent = 0,
            .from = needle->from});
        arena_ += needle->text;
    }
    if (entries_.empty())
        return;
    index_starts();
    index_windows();
}

Needles::~Needles() { wipe(arena_); }

void Needles::index_starts()
{
    ranges_.resize(std::bit_ceil(entries_.size() * 2 + 2));
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
        Entry& entry = entries_[i];
        const std::string_view text = text_of(entry);
        most_ = std::max<std::size_t>(most_, entry.length);
        first_one_.set(byte_of(text, 0));
        first_two_.set(two_of(text));
        // What it begins with stands before it, and everything in between begins with that, too.
        for (std::uint32_t before = i; before != 0;) {
            if (text.starts_with(text_of(entries_[before - 1]))) {
                entry.parent = before;
                break;
            }
            before = entries_[before - 1].parent;
        }
        const std::uint32_t key = load_four(text.data());
        std::size_t slot = spread(key) & (ranges_.size() - 1);
        while (ranges_[slot].end != 0 && ranges_[slot].key != key)
            slot = (slot + 1) & (ranges_.size() - 1);
        Range& range = ranges_[slot];
        if (range.end == 0)
            range = {.key = key, .begin = i, .end = i};
        range.end = i + 1;
    }
}

void Needles::index_windows()
{
    std::vector<std::string_view> short_ones;
    std::vector<std::string_view> long_ones;
    for (const auto& entry : entries_)
        (entry.length < kLeastLong ? short_ones : long_ones).push_back(text_of(entry));
    if (!long_ones.empty())
        std::tie(long_.places, long_.stride) = table_of<kLongWindow>(long_ones);
    if (short_ones.empty())
        return;
    pairs_ = BytePairs::of(short_ones);
    if (!pairs_)
        std::tie(short_.places, short_.stride) = table_of<kShortWindow>(short_ones);
}

const Needles::Range* Needles::range_of(std::uint32_t key) const noexcept
{
    for (std::size_t slot = spread(key) & (ranges_.size() - 1); ranges_[slot].end != 0;
         slot = (slot + 1) & (ranges_.size() - 1))
        if (ranges_[slot].key == key)
            return &ranges_[slot];
    return nullptr;
}

/// Length of the longest needle that `text` begins with; 0: none.
std::size_t Needles::longest_at(std::string_view text, std::uint64_t offset) const
{
    if (text.size() < kShortest)
        return 0;
    const Range* const range = range_of(load_four(text.data()));
    if (range == nullptr)
        return 0;
    const std::string_view here = text.substr(0, most_);
    const auto begin = entries_.begin() + range->begin;
    const auto after = std::upper_bound(begin, entries_.begin() + range->end, here,
        [this](std::string_view value, const Entry& entry) { return value < text_of(entry); });
    // The last one that is not above the text, or the nearest one that it begins with.
    for (auto found = static_cast<std::uint32_t>(after - entries_.begin()); found > range->begin;) {
        const Entry& entry = entries_[found - 1];
        if (offset >= entry.from && here.starts_with(text_of(entry)))
            return entry.length;
        found = entry.parent;
    }
    return 0;
}

template <std::size_t Window>
std::optional<Needles::Match> Needles::scan(
    const Table& table, std::string_view text, std::size_t begin, std::uint64_t offset) const
{
    const std::uint8_t* const places = table.places.data();
    const std::size_t mask = table.places.size() - 1;
    const std::size_t stride = table.stride;
    std::size_t at = begin + stride - 1;
    const auto places_at = [&](std::size_t window) noexcept -> unsigned {
        const auto [one, other] = indexes(load_window<Window>(text.data() + window), mask);
        return places[one] & places[other];
    };
    const auto next = [&]() noexcept -> unsigned {
        // Two at once keep the processor busier.
        while (at + stride + Window <= text.size() && (places_at(at) | places_at(at + stride)) == 0)
            at += 2 * stride;
        for (; at + Window <= text.size(); at += stride)
            if (const unsigned found = places_at(at); found != 0)
                return found;
        return 0;
    };
    for (unsigned found = next(); found != 0; at += stride, found = next())
        while (found != 0) {
            const auto place = static_cast<unsigned>(std::bit_width(found)) - 1; // the farthest begins first
            found ^= 1U << place;
            const std::size_t start = at - place;
            if (const std::size_t length = longest_at(text.substr(start), offset + start); length != 0)
                return Match{.begin = start, .length = length};
        }
    return std::nullopt;
}

std::optional<Needles::Match> Needles::find_short(
    std::string_view text, std::size_t begin, std::uint64_t offset) const
{
    if (!short_.places.empty())
        return scan<kShortWindow>(short_, text, begin, offset);
    if (!pairs_)
        return std::nullopt;
    std::size_t at = begin;
    for (; at + BytePairs::kBlock + BytePairs::kReach <= text.size(); at += BytePairs::kBlock)
        for (std::uint64_t starts = pairs_->starts(text.data() + at); starts != 0; starts &= starts - 1) {
            const std::size_t start = at + static_cast<std::size_t>(std::countr_zero(starts));
            if (const std::size_t length = longest_at(text.substr(start), offset + start); length != 0)
                return Match{.begin = start, .length = length};
        }
    for (; at + kShortest <= text.size(); ++at)
        if (first_two_.test(two_of(text.substr(at))))
            if (const std::size_t length = longest_at(text.substr(at), offset + at); length != 0)
                return Match{.begin = at, .length = length};
    return std::nullopt;
}

std::optional<Needles::Match> Needles::find_long(
    std::string_view text, std::size_t begin, std::uint64_t offset) const
{
    return long_.places.empty() ? std::nullopt : scan<kLongWindow>(long_, text, begin, offset);
}

Needles::Search::Search(const Needles& needles, std::string_view text, std::uint64_t offset)
    : needles_{needles}
    , text_{text}
    , offset_{offset}
    , next_short_{needles.find_short(text, 0, offset)}
    , next_long_{needles.find_long(text, 0, offset)}
{
}

std::optional<Needles::Match> Needles::Search::from(std::size_t begin)
{
    if (next_short_ && next_short_->begin < begin)
        next_short_ = needles_.find_short(text_, begin, offset_);
    if (next_long_ && next_long_->begin < begin)
        next_long_ = needles_.find_long(text_, begin, offset_);
    const bool take_long = next_long_ && (!next_short_ || next_long_->begin < next_short_->begin);
    return take_long ? next_long_ : next_short_;
}

bool Needles::is_open(std::string_view end) const
{
    const auto longer = std::lower_bound(entries_.begin(), entries_.end(), end,
        [this](const Entry& entry, std::string_view value) { return text_of(entry) < value; });
    for (auto entry = longer; entry != entries_.end() && text_of(*entry).starts_with(end); ++entry)
        if (entry->length > end.size())
            return true;
    return false;
}

std::size_t Needles::open_end(std::string_view text) const
{
    if (entries_.empty())
        return 0;
    for (std::size_t length = std::min(text.size(), most_ - 1); length != 0; --length) {
        const std::string_view end = text.substr(text.size() - length);
        if (!first_one_.test(byte_of(end, 0)) || (length > 1 && !first_two_.test(two_of(end)))
            || (length >= kShortest && range_of(load_four(end.data())) == nullptr))
            continue;
        if (is_open(end))
            return length;
    }
    return 0;
}

} // namespace slipway::launcher
