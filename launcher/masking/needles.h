#pragma once

#include "launcher/masking/byte_pairs.h"

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
/// How: a table tells by the hash of a window of 4 bytes at which places of a needle that window stands. The
/// table knows the first `stride` windows of each needle of 8 bytes and more, where the shortest of these has
/// as many; so it is enough to look at one window in `stride` bytes of the text: one of them lies in every
/// occurrence. A place is looked up, by its first four bytes and then by binary search, only if the window is
/// that of a needle which begins there, or if two hashes collide. Shorter needles, which would narrow the
/// stride, are found by BytePairs or, if they are many, by a table of their own with windows of 3 bytes. No
/// input makes a table slower than one binary search a byte.
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

    /// The occurrences in one text, in their order. The needles and the text outlive it.
    class Search {
    public:
        /// `offset`: of the text's first byte in its stream.
        Search(const Needles& needles, std::string_view text, std::uint64_t offset);

        /// The first place at or after `begin` where a needle stands whole, with the longest one that stands
        /// there. `begin` never goes back.
        [[nodiscard]] std::optional<Match> from(std::size_t begin);

    private:
        const Needles& needles_;
        std::string_view text_;
        std::uint64_t offset_;
        std::optional<Match> next_short_; ///< None: there is no more.
        std::optional<Match> next_long_;
    };

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

    /// At the hashes of a window, a bit for each place in a needle at which that window is.
    struct Table {
        std::vector<std::uint8_t> places; ///< Its size is a power of 2; empty: there are no needles.
        std::size_t stride = 0;
    };

    [[nodiscard]] std::string_view text_of(const Entry& entry) const
    {
        return std::string_view{arena_}.substr(entry.at, entry.length);
    }

    [[nodiscard]] const Range* range_of(std::uint32_t key) const noexcept;
    [[nodiscard]] bool is_open(std::string_view end) const;
    [[nodiscard]] std::size_t longest_at(std::string_view text, std::uint64_t offset) const;
    [[nodiscard]] std::optional<Match> find_short(
        std::string_view text, std::size_t begin, std::uint64_t offset) const;
    [[nodiscard]] std::optional<Match> find_long(
        std::string_view text, std::size_t begin, std::uint64_t offset) const;
    template <std::size_t Window>
    std::optional<Match> scan(
        const Table& table, std::string_view text, std::size_t begin, std::uint64_t offset) const;
    void index_starts();
    void index_windows();

    std::string arena_;
    std::vector<Entry> entries_; ///< Sorted by their texts.
    std::vector<Range> ranges_; ///< A hash table with a power of 2 of slots.
    std::optional<BytePairs> pairs_; ///< Of short needles, if these are few.
    Table short_; ///< Of short needles otherwise.
    Table long_;
    std::size_t most_ = 0;
    std::bitset<65536> first_two_;
    std::bitset<256> first_one_;
};

} // namespace slipway::launcher
