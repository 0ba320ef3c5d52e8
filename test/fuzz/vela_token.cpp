// Tokens: a message never repeats what was given, and what is read once is read again from claims that say
// the same. The first byte chooses whether the text is a whole token or its claims.
#include "common/base64.h"
#include "launcher/vela/jwt.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace slipway;

void require(bool truth)
{
    if (!truth)
        std::abort();
}

std::string part(std::string_view bytes)
{
    auto text = base64_encode(bytes);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    std::erase(text, '=');
    return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const std::string token
        = data[0] == 'c' ? part(R"({"alg":"HS256"})") + "." + part(text) + "." : std::string{text};
    const auto claims = vela::read_claims(token);
    if (!claims) {
        require(claims.error().code() == Errc::invalid_input);
        require(claims.error().message().size() < 200);
        return 0;
    }
    require(!claims->expires || *claims->expires >= 0);
    // A token may end after the last moment that the clock knows.
    const auto last = std::chrono::system_clock::time_point::max();
    const auto end = std::chrono::floor<std::chrono::seconds>(last).time_since_epoch().count();
    require(claims->expired(last) == (!claims->expires || *claims->expires <= end + 10));
    require(claims->expires || claims->expired({}));
    return 0;
}
