#pragma once

#include "launcher/masking/stream_filter.h"
#include "launcher/spool.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Reads the filtered log of a spool from any offset. Going on from where the last read ended costs nothing;
/// any other offset filters the spool again from its first byte. One thread.
class FilteredLog {
public:
    /// `spool` outlives this object.
    FilteredLog(const Spool& spool, FilterMaker make);

    /// Up to `max` bytes from `offset` on, valid until the next call; empty when no more is known. With
    /// `complete`, the spool does not grow any more and what the filter held back is included.
    Result<std::string_view> read(std::uint64_t offset, std::size_t max, bool complete);

    /// Filters from the first byte again, with a filter of today.
    void begin_again() { restart(); }

    /// One past the last byte that has come out of the filter.
    [[nodiscard]] std::uint64_t known_end() const noexcept { return base_ + pending_.size(); }

    /// Length of the whole log, once the spool does not grow any more.
    static Result<std::uint64_t> length(const Spool& spool, const FilterMaker& make);

    /// A text about the stage, masked by all that holds at the end of its log.
    static Result<std::string> text(const Spool& spool, const FilterMaker& make, std::string_view text);

private:
    void restart();
    StreamFilter& filter();
    Result<void> pull(bool complete, bool& more);
    Result<void> run_through();

    const Spool& spool_;
    FilterMaker make_;
    std::unique_ptr<StreamFilter> filter_;
    std::uint64_t raw_ = 0; ///< How much of the spool went into the filter.
    bool finished_ = false;
    std::uint64_t base_ = 0; ///< Offset of pending_'s first byte in the filtered log.
    std::string pending_;
    std::string buffer_;
};

} // namespace slipway::launcher
