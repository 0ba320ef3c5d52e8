#include "launcher/masking/value_filter.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// The first occurrence at or after `begin`, and of those that begin there the longest.
std::optional<Needles::Match> first_of(std::vector<Needles::Search>& searches, std::size_t begin)
{
    std::optional<Needles::Match> first;
    for (auto& search : searches) {
        const auto match = search.from(begin);
        if (match
            && (!first || match->begin < first->begin
                || (match->begin == first->begin && match->length > first->length)))
            first = match;
    }
    return first;
}

} // namespace

ValueFilter::ValueFilter(std::shared_ptr<const Needles> needles, std::string_view stars, std::uint64_t offset)
    : needles_{std::move(needles)}
    , stars_{stars}
    , offset_{offset}
{
}

void ValueFilter::push(std::string_view bytes, std::string& out)
{
    if (held_.empty()) {
        const std::size_t end = end_of(bytes);
        filter(bytes, end, out);
        held_ = bytes.substr(end);
        return;
    }
    held_ += bytes;
    const std::size_t end = end_of(held_);
    filter(held_, end, out);
    held_.erase(0, end);
}

void ValueFilter::finish(std::string& out)
{
    filter(held_, held_.size(), out);
    held_.clear();
}

/// Before it, all is known.
std::size_t ValueFilter::end_of(std::string_view text) const
{
    std::size_t open = needles_->open_end(text);
    for (const auto& added : added_)
        open = std::max(open, added->open_end(text));
    return text.size() - open;
}

/// Puts out the first `end` bytes of `text`, in which every occurrence that begins there is whole.
void ValueFilter::filter(std::string_view text, std::size_t end, std::string& out)
{
    std::size_t at = 0; // what is before it has gone out
    const auto plain_until = [&](std::size_t until) {
        if (until <= at)
            return;
        out += text.substr(at, until - at);
        at = until;
        in_run_ = false;
    };
    const auto cover_until = [&](std::size_t until) {
        if (until <= at)
            return;
        if (!in_run_)
            out += stars_;
        in_run_ = true;
        at = until;
    };
    cover_until(covered_);
    std::vector<Needles::Search> searches;
    searches.reserve(added_.size() + 1);
    searches.emplace_back(*needles_, text, offset_);
    for (const auto& added : added_)
        searches.emplace_back(*added, text, offset_);
    for (auto match = first_of(searches, 0); match && match->begin < end;
         match = first_of(searches, match->begin + 1)) {
        plain_until(match->begin);
        cover_until(match->begin + match->length);
    }
    plain_until(end);
    covered_ = at - end;
    offset_ += end;
}

} // namespace slipway::launcher
