#include "test/support/vela_tokens.h"

#include "common/base64.h"
#include "common/json.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace slipway::test {

namespace {

std::string base64url(std::string_view bytes)
{
    auto text = base64_encode(bytes);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    text.erase(text.find_last_not_of('=') + 1);
    return text;
}

std::int64_t now()
{
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace

std::string VelaTokens::sign(std::string_view text) const
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned int size = 0;
    HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
        reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
    return base64url({reinterpret_cast<const char*>(mac.data()), size});
}

std::string VelaTokens::mint(VelaClaims claims, std::chrono::seconds lifetime) const
{
    JsonWriter json;
    json.begin_object();
    if (claims.build_id != 0)
        json.field("build_id", claims.build_id).field("repo", claims.repo);
    json.field("token_type", claims.kind).field("sub", claims.subject);
    json.field("iat", now()).field("exp", now() + lifetime.count()).end_object();
    const auto text = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(json.text());
    return text + "." + sign(text);
}

std::optional<VelaClaims> VelaTokens::verify(std::string_view token) const
{
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    if (first == std::string_view::npos || first == last
        || sign(token.substr(0, last)) != token.substr(last + 1))
        return std::nullopt;
    std::string part{token.substr(first + 1, last - first - 1)};
    std::ranges::replace(part, '-', '+');
    std::ranges::replace(part, '_', '/');
    const auto text = base64_decode(part);
    const auto document = JsonDocument::parse(text ? *text : "");
    if (!document)
        return std::nullopt;
    const auto root = document->root();
    VelaClaims claims{.kind = root.string_or("token_type", "").value_or(""),
        .subject = root.string_or("sub", "").value_or(""),
        .build_id = root.integer_or("build_id", 0).value_or(0),
        .repo = root.string_or("repo", "").value_or(""),
        .expires = root.integer_or("exp", 0).value_or(0)};
    if (claims.subject.empty() || claims.expires <= now())
        return std::nullopt;
    return claims;
}

} // namespace slipway::test
