#include "launcher/filtered_log.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::size_t kPiece = 64 * 1024;

} // namespace

FilteredLog::FilteredLog(const Spool& spool, FilterMaker make)
    : spool_{spool}
    , make_{std::move(make)}
{
}

/// Made when the first byte is there: what it takes may be much.
StreamFilter& FilteredLog::filter()
{
    if (!filter_)
        filter_ = make_();
    return *filter_;
}

void FilteredLog::restart()
{
    filter_.reset();
    raw_ = 0;
    finished_ = false;
    base_ = 0;
    pending_.clear();
}

/// Filters one piece of the spool; `more` says whether another may follow.
Result<void> FilteredLog::pull(bool complete, bool& more)
{
    SLIPWAY_TRY(spool_.read(raw_, kPiece, buffer_));
    more = !buffer_.empty();
    if (more) {
        raw_ += buffer_.size();
        filter().push(buffer_, pending_);
    } else if (complete && !finished_) {
        finished_ = true;
        filter().finish(pending_);
    }
    return {};
}

Result<std::string_view> FilteredLog::read(std::uint64_t offset, std::size_t max, bool complete)
{
    if (offset < base_)
        restart();
    bool more = true;
    while (more && known_end() < offset + max) {
        // What lies before the offset is not needed: memory stays at a piece, however long the log is.
        const std::uint64_t skip = std::min<std::uint64_t>(offset - base_, pending_.size());
        pending_.erase(0, static_cast<std::size_t>(skip));
        base_ += skip;
        SLIPWAY_TRY(pull(complete, more));
    }
    if (offset >= known_end())
        return std::string_view{};
    return std::string_view{pending_}.substr(static_cast<std::size_t>(offset - base_), max);
}

Result<void> FilteredLog::run_through()
{
    bool more = true;
    while (more) {
        base_ += pending_.size();
        pending_.clear();
        SLIPWAY_TRY(pull(true, more));
    }
    return {};
}

Result<std::uint64_t> FilteredLog::length(const Spool& spool, const FilterMaker& make)
{
    FilteredLog log{spool, make};
    SLIPWAY_TRY(log.run_through());
    return log.known_end();
}

Result<std::string> FilteredLog::text(const Spool& spool, const FilterMaker& make, std::string_view text)
{
    if (text.empty())
        return std::string{};
    FilteredLog log{spool, make};
    SLIPWAY_TRY(log.run_through());
    return log.filter().text(text);
}

} // namespace slipway::launcher
