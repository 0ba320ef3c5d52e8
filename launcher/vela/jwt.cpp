#include "launcher/vela/jwt.h"

#include "common/base64.h"
#include "common/json.h"
#include "common/secret.h"

#include <algorithm>
#include <charconv>

namespace slipway::vela {

namespace {

constexpr std::size_t kLongestToken = 16 * 1024;
constexpr std::chrono::seconds kLeeway{10};
constexpr double kLatest = 1e11; ///< Some thousand years: what is later is no time.

Error no_token(std::string_view why)
{
    return {Errc::invalid_input, "this is no token of a Vela server: " + std::string{why}};
}

/// One part: base64url without padding (RFC 7515 section 2).
Result<std::string> decode_part(std::string_view part)
{
    const auto is_ours = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
            || c == '_';
    };
    if (!std::ranges::all_of(part, is_ours))
        return no_token("a part is not base64url");
    std::string standard{part};
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    auto decoded = base64_decode(standard);
    wipe(standard);
    if (!decoded)
        return no_token("a part is not base64url");
    return decoded;
}

/// NumericDate: it may have a fraction.
Result<std::optional<std::int64_t>> read_time(const JsonValue& claims)
{
    const auto value = SLIPWAY_TRY(claims.find("exp"));
    if (!value)
        return std::optional<std::int64_t>{};
    const auto text = value->dump();
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || !(number >= 0 && number < kLatest))
        return no_token("\"exp\" is no time");
    return std::optional{static_cast<std::int64_t>(number)};
}

Result<TokenClaims> claims_of(const JsonValue& root)
{
    TokenClaims claims;
    claims.subject = SLIPWAY_TRY(root.string_or("sub", ""));
    claims.expires = SLIPWAY_TRY(read_time(root));
    return claims;
}

} // namespace

bool TokenClaims::expired(std::chrono::system_clock::time_point now) const
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
    return !expires || std::chrono::seconds{*expires} - seconds <= kLeeway;
}

Result<TokenClaims> read_claims(std::string_view token)
{
    if (token.size() > kLongestToken)
        return no_token("it is too long");
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return no_token("it does not have three parts");
    const auto header = SLIPWAY_TRY(decode_part(token.substr(0, first)));
    const auto payload = SLIPWAY_TRY(decode_part(token.substr(first + 1, second - first - 1)));
    SLIPWAY_TRY(decode_part(token.substr(second + 1)));
    const auto head = JsonDocument::parse(header);
    if (!head || !head->root().string("alg"))
        return no_token("its header is not understood");
    const auto body = JsonDocument::parse(payload);
    if (!body || !body->root().members())
        return no_token("its claims are not JSON");
    auto claims = claims_of(body->root());
    if (!claims)
        return no_token("\"sub\" or \"exp\" is of the wrong type");
    return claims;
}

} // namespace slipway::vela
