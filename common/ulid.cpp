#include "common/ulid.h"

#include <algorithm>
#include <array>

namespace slipway {

namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

} // namespace

std::string make_ulid(const Clock& clock, Random& random)
{
    const auto since_epoch = clock.wall().time_since_epoch();
    auto time = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
    std::string id(26, '0');
    for (std::size_t i = 10; i-- > 0; time >>= 5)
        id[i] = kAlphabet[time & 31U];
    std::array<std::byte, 16> bytes{};
    random.fill(bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        id[10 + i] = kAlphabet[std::to_integer<std::size_t>(bytes[i]) & 31U];
    return id;
}

bool is_ulid(std::string_view text) noexcept
{
    return text.size() == 26 && text.front() <= '7'
        && std::ranges::all_of(text, [](char c) { return kAlphabet.find(c) != std::string_view::npos; });
}

} // namespace slipway
