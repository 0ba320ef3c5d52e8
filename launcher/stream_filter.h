#pragma once

#include "launcher/spool.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Turns the raw log into the log that leaves the machine: where secret values are masked. What comes out is
/// a pure function of all bytes pushed so far, however they were cut into pieces; it may hold bytes back
/// until it knows more.
class StreamFilter {
public:
    virtual ~StreamFilter() = default;
    /// Appends to `out` what is certain after `bytes`.
    virtual void push(std::string_view bytes, std::string& out) = 0;
    /// No more bytes follow: appends what was held back.
    virtual void finish(std::string& out) = 0;
};

/// Lets every byte pass.
class IdentityFilter final : public StreamFilter {
public:
    void push(std::string_view bytes, std::string& out) override { out.append(bytes); }

    void finish(std::string&) override { }
};

/// Makes a filter in its first state. Thread-safe.
using FilterMaker = std::function<std::unique_ptr<StreamFilter>()>;

/// Reads the filtered log of a spool from any offset. Going on from where the last read ended costs nothing;
/// any other offset filters the spool again from its first byte. One thread.
class FilteredLog {
public:
    /// `spool` outlives this object.
    FilteredLog(const Spool& spool, FilterMaker make);

    /// Up to `max` bytes from `offset` on, valid until the next call; empty when no more is known. With
    /// `complete`, the spool does not grow any more and what the filter held back is included.
    Result<std::string_view> read(std::uint64_t offset, std::size_t max, bool complete);

    /// One past the last byte that has come out of the filter.
    [[nodiscard]] std::uint64_t known_end() const noexcept { return base_ + pending_.size(); }

    /// Length of the whole log, once the spool does not grow any more.
    static Result<std::uint64_t> length(const Spool& spool, const FilterMaker& make);

private:
    void restart();
    Result<void> pull(bool complete, bool& more);

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
