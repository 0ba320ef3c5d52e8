#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// A byte string to be found, from some offset of a stream on.
struct Needle {
    std::string text; ///< Of Needles::kShortest to Needles::kLongest bytes.
    std::uint64_t from = 0; ///< Occurrences that begin before this offset do not count.
};

/// Finds many byte strings in a text at once, nearly as fast as the text can be read.
///
/// How: let `least` be the length of the shortest needle. Every occurrence of a needle begins with `least`
/// bytes of which all grams (3 or 4 bytes) were put into a bitmap. So it is enough to look at one gram in
/// `least - gram + 1`: no occurrence fits between two. Where the bitmap says "maybe", the few places at which
/// a needle could begin are looked up by their first four bytes, then by binary search. No input makes it
/// slower than one binary search a byte.
///
/// Immutable and thread-safe. Wipes what it knows when it is destroyed.
class Needles {
public:
    static constexpr std::size_t kShortest = 4;
    static constexpr std::size_t kLongest = 256;

    Needles() = default;
    /// Needles of a wrong length are left out.
    explicit Needles(const std::vector<Needle>& needles);
    Needles(const Needles&) = delete;
    Needles& operator=(const Needles&) = delete;
    ~Needles();

    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    struct Match {
        std::size_t begin = 0;
        std::size_t length = 0;
    };

    /// The first place in `text` at or after `begin` where a needle stands whole, with the longest one that
    /// stands there. `offset`: of the text's first byte in its stream.
    [[nodiscard]] std::optional<Match> find(
        std::string_view text, std::size_t begin, std::uint64_t offset) const;

    /// Length of the longest end of `text` that is the beginning of a longer needle.
    [[nodiscard]] std::size_t open_end(std::string_view text) const;

private:
    struct Entry {
        std::uint32_t at = 0; ///< In arena_.
        std::uint32_t length = 0;
        std::uint32_t parent = 0; ///< The longest other needle that this one begins with, + 1; 0: none.
        std::uint64_t from = 0;
    };

    /// The entries that begin with the same four bytes.
    struct Range {
        std::uint32_t key = 0;
        std::uint32_t begin = 0;
        std::uint32_t end = 0; ///< 0: an empty slot.
    };

    [[nodiscard]] std::string_view text_of(const Entry& entry) const
    {
        return std::string_view{arena_}.substr(entry.at, entry.length);
    }

    [[nodiscard]] const Range* range_of(std::uint32_t key) const noexcept;
    [[nodiscard]] bool is_open(std::string_view end) const;
    [[nodiscard]] std::size_t longest_at(std::string_view text, std::uint64_t offset) const;
    template <unsigned Gram>
    std::optional<Match> scan(std::string_view text, std::size_t begin, std::uint64_t offset) const;
    void index_starts();
    void index_grams();

    std::string arena_;
    std::vector<Entry> entries_; ///< Sorted by their texts.
    std::vector<Range> ranges_; ///< A hash table with a power of 2 of slots.
    std::vector<std::uint64_t> grams_; ///< The bitmap; its size is a power of 2.
    unsigned gram_shift_ = 0; ///< 32 less the bits of an index into it.
    unsigned gram_ = 0; ///< Bytes of a gram.
    std::size_t least_ = 0;
    std::size_t most_ = 0;
    std::bitset<65536> first_two_;
    std::bitset<256> first_one_;
};

} // namespace slipway::launcher
