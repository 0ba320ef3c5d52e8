#include "launcher/masking/add_mask.h"

#include "launcher/masking/forms.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::string_view kMarker = "::add-mask";
constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kLineEnds{"\n\0", 2};

/// Where the first marker is that follows the end of a line; npos: nowhere.
std::size_t find_marker(std::string_view text)
{
    std::size_t newline = text.find('\n');
    std::size_t zero = text.find('\0');
    for (;;) {
        const std::size_t end = std::min(newline, zero);
        if (end == std::string_view::npos || text.substr(end + 1).starts_with(kMarker))
            return end == std::string_view::npos ? end : end + 1;
        // One search for each, so that neither is made twice over the same bytes.
        std::size_t& passed = end == newline ? newline : zero;
        passed = text.find(text[end], end + 1);
    }
}

std::vector<std::string_view> words_of(std::string_view text)
{
    std::vector<std::string_view> words;
    for (std::size_t at = 0; (at = text.find_first_not_of(kBlanks, at)) != std::string_view::npos;) {
        const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

/// Length of the longest end of `text` that a marker begins with; a line's end alone is none.
std::size_t open_marker(std::string_view text)
{
    for (std::size_t length
         = std::min(text.size() - std::min<std::size_t>(text.size(), 1), kMarker.size() - 1);
         length != 0; --length)
        if (kLineEnds.find(text[text.size() - length - 1]) != std::string_view::npos
            && text.ends_with(kMarker.substr(0, length)))
            return length;
    return 0;
}

} // namespace

AddMask::AddMask(std::string_view stars, Pass pass, Learn learn)
    : stars_{stars}
    , pass_{std::move(pass)}
    , learn_{std::move(learn)}
{
}

void AddMask::push(std::string_view bytes)
{
    if (held_.empty()) {
        held_ = bytes.substr(take(bytes, false));
        return;
    }
    held_ += bytes;
    held_.erase(0, take(held_, false));
}

void AddMask::finish()
{
    (void)take(held_, true);
    held_.clear();
}

/// Works off as much as is certain and returns how much that is; with `last`, all of it.
std::size_t AddMask::take(std::string_view text, bool last)
{
    std::size_t at = 0;
    while (at < text.size()) {
        const std::string_view rest = text.substr(at);
        if (leaving_out_) {
            const std::size_t end = rest.find_first_of(kLineEnds);
            leaving_out_ = end == std::string_view::npos;
            at_begin_ = false;
            at += std::min(end, rest.size());
        } else if (at_begin_ && rest.starts_with(kMarker)) {
            const std::size_t taken = take_line(rest, last);
            if (taken == 0)
                return at;
            at += taken;
        } else if (at_begin_ && !last && kMarker.starts_with(rest)) {
            return at;
        } else {
            const std::size_t marker = find_marker(rest);
            const bool none = marker == std::string_view::npos;
            const std::size_t open = none && !last ? open_marker(rest) : 0;
            const std::size_t end = none ? rest.size() - open : marker;
            pass_(rest.substr(0, end));
            at_begin_ = kLineEnds.find(rest[end - 1]) != std::string_view::npos;
            at += end;
            if (open != 0)
                return at;
        }
    }
    return at;
}

/// One line from its marker to its end, which is not taken. Returns 0 when more of it must be seen.
std::size_t AddMask::take_line(std::string_view text, bool last)
{
    const std::size_t end = std::min(text.find_first_of(kLineEnds), text.size());
    const bool ended = end != text.size() || last;
    std::string_view words = text.substr(kMarker.size(), end - kMarker.size());
    if (!ended && (words.empty() || words == ":"))
        return 0;
    at_begin_ = false;
    if (words.starts_with("::")) {
        words.remove_prefix(2);
    } else if (!words.empty() && kBlanks.find(words.front()) == std::string_view::npos) {
        pass_(kMarker); // and what follows makes another word of it
        return kMarker.size();
    }
    if (!ended && end <= kLongestLine) {
        at_begin_ = true;
        return 0;
    }
    if (end <= kLongestLine) {
        learn(words, "");
        return end;
    }
    // Nobody knows how the last word goes on. A piece that ends elsewhere in the line finds this same place.
    words = text.substr(0, kLongestLine).substr(static_cast<std::size_t>(words.data() - text.data()));
    words = words.substr(0, words.find_last_of(kBlanks) + 1);
    leaving_out_ = true;
    learn(words, "the line is too long: what is left out here is not masked");
    return kLongestLine;
}

void AddMask::learn(std::string_view text, std::string_view note)
{
    auto words = words_of(text);
    std::string line{kMarker};
    for (std::size_t i = 0; i < words.size(); ++i)
        line += " " + std::string{stars_};
    const auto all = words.size();
    std::erase_if(words, [](std::string_view word) { return word.size() < kLeastMasked; });
    if (words.size() != all && note.empty())
        note = "a word of fewer than 4 bytes is not masked: use a longer one";
    const auto beyond = std::ranges::find_if_not(words, [this](std::string_view word) {
        const bool fits = words_ < kMostWords && bytes_ + word.size() <= kMostBytes;
        words_ += fits ? 1 : 0;
        bytes_ += fits ? word.size() : 0;
        return fits;
    });
    if (beyond != words.end())
        note = "a job may have 1000 words of 64 KiB masked: the others are not";
    words.erase(beyond, words.end());
    if (!words.empty())
        learn_(words);
    if (!note.empty())
        line += " [slipway: " + std::string{note} + "]";
    pass_(line);
}

} // namespace slipway::launcher
