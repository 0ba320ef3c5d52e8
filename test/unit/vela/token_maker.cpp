#include "test/unit/vela/token_maker.h"

#include "common/base64.h"

#include <algorithm>

namespace slipway::test {

std::string base64url(std::string_view bytes)
{
    auto text = base64_encode(bytes);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    while (text.ends_with('='))
        text.pop_back();
    return text;
}

std::string token_with(std::string_view claims)
{
    return base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims) + "."
        + base64url("no signature of anyone's");
}

} // namespace slipway::test
