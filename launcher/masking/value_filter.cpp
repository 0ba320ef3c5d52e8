#include "launcher/masking/value_filter.h"

#include <algorithm>

namespace slipway::launcher {

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
    return text.size() - std::max(needles_->open_end(text), added_->open_end(text));
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
    auto first = needles_->find(text, 0, offset_);
    auto second = added_->find(text, 0, offset_);
    while (first || second) {
        const bool take_first = first && (!second || first->begin <= second->begin);
        auto& match = take_first ? first : second;
        if (match->begin >= end)
            break;
        plain_until(match->begin);
        cover_until(match->begin + match->length);
        match = (take_first ? needles_ : added_)->find(text, match->begin + 1, offset_);
    }
    plain_until(end);
    covered_ = at - end;
    offset_ += end;
}

} // namespace slipway::launcher
