#pragma once

#include "launcher/masking/stream_filter.h"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace slipway::test {

/// What a filter makes of a text that comes in pieces of random lengths, most of them short.
template <class Filter>
std::string in_random_pieces(Filter& filter, std::string_view text, std::mt19937& random)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t most = random() % 4 == 0 ? 5000 : 8;
        const std::size_t length = std::min<std::size_t>(1 + random() % most, text.size());
        filter.push(text.substr(0, length), out);
        text.remove_prefix(length);
    }
    filter.finish(out);
    return out;
}

/// The same, cut after each byte of which the bit in `cuts` is set.
template <class Filter> std::string in_pieces(Filter& filter, std::string_view text, std::uint32_t cuts)
{
    std::string out;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((i < 32 && (cuts >> i & 1U) != 0) || i + 1 == text.size()) {
            filter.push(text.substr(begin, i + 1 - begin), out);
            begin = i + 1;
        }
    filter.finish(out);
    return out;
}

} // namespace slipway::test
