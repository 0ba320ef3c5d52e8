#include "launcher/slot/cobs.h"

#include <algorithm>
#include <cstddef>

namespace slipway::slot {

namespace {

/// The longest block; after it no zero byte is meant.
constexpr std::size_t kLongest = 254;

} // namespace

void append_cobs(std::string& to, std::string_view frame)
{
    for (;;) {
        const auto zero = std::min(frame.find('\0'), frame.size());
        const auto size = std::min(zero, kLongest);
        to.push_back(static_cast<char>(size + 1));
        to.append(frame.substr(0, size));
        if (size == frame.size())
            break;
        frame.remove_prefix(size == kLongest ? size : size + 1);
    }
    to.push_back('\0');
}

} // namespace slipway::slot
