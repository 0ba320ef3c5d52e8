#include "crypto/token.h"

#include "common/base64.h"
#include "common/json.h"
#include "common/ulid.h"
#include "crypto/pem.h"

#include <utility>

namespace slipway::crypto {

namespace {

/// Names what was given in the token's place, if it is PEM.
Result<void> refuse_pem(std::string_view text)
{
    // A token's own JSON holds certificates.
    if (looks_like_json(text) || text.find("-----BEGIN ") == std::string_view::npos)
        return {};
    const auto block = next_pem_block(text);
    const auto kind = block && *block ? (*block)->kind : PemKind::unknown;
    return Error{Errc::invalid_input, describe(kind) + " was given in place of the pool token"};
}

Result<std::string> filled(const JsonValue& object, std::string_view field)
{
    auto text = SLIPWAY_TRY(object.string(field));
    if (text.empty())
        return Error{Errc::invalid_input, object.path() + "." + std::string{field} + ": is empty"};
    return text;
}

} // namespace

std::string encode_pool_token(const PoolToken& token)
{
    JsonWriter json;
    json.begin_object().key("broker").begin_object().field("endpoint", token.broker_endpoint).end_object();
    json.field("comms_url", token.comms_url)
        .field("pool_ulid", token.pool_ulid)
        .field("certificate", token.certificate_pem)
        .field("ca", token.ca_pem)
        .field("version", token.version)
        .end_object();
    return base64_encode(json.text());
}

Result<PoolToken> decode_pool_token(std::string_view text)
{
    if (text.size() > kMaxPoolTokenSize)
        return Error{Errc::exhausted,
            "the pool token is larger than the limit of " + std::to_string(kMaxPoolTokenSize) + " bytes"};
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return Error{Errc::invalid_input, "the pool token is empty"};
    SLIPWAY_TRY(refuse_pem(text));
    if (looks_like_json(text))
        return Error{Errc::invalid_input, "the pool token is given as JSON, but it is the base64 of that"};
    auto json = SLIPWAY_TRY(in("reading the pool token", base64_decode(text)));
    if (auto is_token = refuse_pem(json); !is_token) {
        wipe(json); // it may be a private key
        return std::move(is_token).error();
    }
    const auto document = SLIPWAY_TRY(in("reading the pool token",
        JsonDocument::parse(json, {.max_bytes = kMaxPoolTokenSize, .max_depth = 16})));
    const auto root = document.root();
    PoolToken token;
    token.version = SLIPWAY_TRY(in("pool token", root.integer_or("version", kPoolTokenVersion, 1)));
    if (token.version > kPoolTokenVersion)
        return Error{Errc::invalid_input,
            "pool token: $.version: is " + std::to_string(token.version)
                + ", but this program knows versions up to " + std::to_string(kPoolTokenVersion)
                + ": update it"};
    const auto broker = SLIPWAY_TRY(in("pool token", root.at("broker")));
    token.broker_endpoint = SLIPWAY_TRY(in("pool token", filled(broker, "endpoint")));
    token.comms_url = SLIPWAY_TRY(in("pool token", filled(root, "comms_url")));
    token.pool_ulid = SLIPWAY_TRY(in("pool token", filled(root, "pool_ulid")));
    if (!is_ulid(token.pool_ulid))
        return Error{Errc::invalid_input, "pool token: $.pool_ulid: is not a ULID"};
    token.certificate_pem = SLIPWAY_TRY(in("pool token", filled(root, "certificate")));
    token.ca_pem = SLIPWAY_TRY(in("pool token", root.string_or("ca", "")));
    return token;
}

} // namespace slipway::crypto
