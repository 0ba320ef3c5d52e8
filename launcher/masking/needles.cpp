#include "launcher/masking/needles.h"

#include "common/secret.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace slipway::launcher {

namespace {

constexpr std::uint32_t kSpread = 0x9E3779B1U; // 2^32 / golden ratio (Knuth, TAOCP 3, 6.4)

std::uint32_t load_four(const char* at) noexcept
{
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// The gram at `at`, of which `left` bytes can be read.
template <unsigned Gram> std::uint32_t gram_at(const char* at, std::size_t left) noexcept
{
    if constexpr (Gram == 4) {
        return load_four(at);
    } else {
        if (left >= 4) {
            const std::uint32_t four = load_four(at);
            return std::endian::native == std::endian::little ? four << 8U : four & 0xFFFFFF00U;
        }
        std::array<char, 4> bytes{};
        if constexpr (std::endian::native == std::endian::little)
            std::memcpy(bytes.data() + 1, at, 3);
        else
            std::memcpy(bytes.data(), at, 3);
        return load_four(bytes.data());
    }
}

std::size_t spread(std::uint32_t key) noexcept
{
    return static_cast<std::size_t>(key * 0x9E3779B97F4A7C15ULL >> 32U);
}

unsigned byte_of(std::string_view text, std::size_t at) noexcept
{
    return static_cast<unsigned char>(text[at]);
}

std::size_t two_of(std::string_view text) noexcept
{
    return std::size_t{byte_of(text, 0)} << 8U | byte_of(text, 1);
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
    index_grams();
}

Needles::~Needles() { wipe(arena_); }

void Needles::index_starts()
{
    ranges_.resize(std::bit_ceil(entries_.size() * 2 + 2));
    least_ = kLongest;
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
        Entry& entry = entries_[i];
        const std::string_view text = text_of(entry);
        least_ = std::min<std::size_t>(least_, entry.length);
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

void Needles::index_grams()
{
    gram_ = least_ < 8 ? 3 : 4;
    const std::size_t each = least_ - gram_ + 1;
    // At most one bit in sixteen is set, as far as the bitmap stays in the first cache.
    const auto bits = std::clamp<std::size_t>(std::bit_width(entries_.size() * each * 16), 12, 18);
    gram_shift_ = static_cast<unsigned>(32 - bits);
    grams_.assign((std::size_t{1} << bits) / 64, 0);
    for (const auto& entry : entries_) {
        const std::string_view text = text_of(entry);
        for (std::size_t i = 0; i < each; ++i) {
            const std::uint32_t gram = gram_ == 4 ? gram_at<4>(text.data() + i, text.size() - i)
                                                  : gram_at<3>(text.data() + i, text.size() - i);
            const std::uint32_t bit = gram * kSpread >> gram_shift_;
            grams_[bit / 64] |= std::uint64_t{1} << bit % 64;
        }
    }
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

template <unsigned Gram>
std::optional<Needles::Match> Needles::scan(
    std::string_view text, std::size_t begin, std::uint64_t offset) const
{
    const std::size_t stride = least_ - Gram + 1;
    const char* const data = text.data();
    const std::uint64_t* const bitmap = grams_.data();
    const unsigned shift = gram_shift_;
    for (std::size_t at = begin + stride - 1; at + Gram <= text.size(); at += stride) {
        const std::uint32_t bit = gram_at<Gram>(data + at, text.size() - at) * kSpread >> shift;
        if ((bitmap[bit / 64] >> bit % 64 & 1U) == 0)
            continue;
        for (std::size_t start = at + 1 - stride; start <= at; ++start)
            if (const std::size_t length = longest_at(text.substr(start), offset + start); length != 0)
                return Match{.begin = start, .length = length};
    }
    return std::nullopt;
}

std::optional<Needles::Match> Needles::find(
    std::string_view text, std::size_t begin, std::uint64_t offset) const
{
    if (entries_.empty())
        return std::nullopt;
    return gram_ == 4 ? scan<4>(text, begin, offset) : scan<3>(text, begin, offset);
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
