#include "common/base64.h"
#include "crypto/token.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using Catch::Matchers::Contains;

namespace {

PoolToken example()
{
    return {.broker_endpoint = "mothership.example:8443",
        .comms_url = "https://mothership.example:8443",
        .pool_ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        .certificate_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        .ca_pem = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n"};
}

std::string json_of(const PoolToken& token)
{
    auto json = base64_decode(encode_pool_token(token));
    REQUIRE(json);
    return *json;
}

/// The example's JSON with `from` replaced.
std::string with(const std::string& from, const std::string& to)
{
    std::string json = json_of(example());
    const auto at = json.find(from);
    REQUIRE(at != std::string::npos);
    return json.replace(at, from.size(), to);
}

void check_refused(const std::string& text, const std::string& words, Errc code = Errc::invalid_input)
{
    INFO(words);
    const auto token = decode_pool_token(text);
    REQUIRE_FALSE(token);
    CHECK(token.error().code() == code);
    CHECK_THAT(token.error().message(), Contains(words));
}

void check_json_refused(const std::string& json, const std::string& words)
{
    check_refused(base64_encode(json), words);
}

} // namespace

TEST_CASE("a token is read back as it was written, also when it was wrapped on the way", "[crypto]")
{
    const std::string text = encode_pool_token(example());
    CHECK(text.find_first_of(" \r\n") == std::string::npos);
    const std::string wrapped = test::wrapped_base64(json_of(example()));
    for (const auto& form : {text, text + "\n", "  " + text, wrapped, test::with_crlf(wrapped)}) {
        const auto token = decode_pool_token(form);
        REQUIRE(token);
        CHECK(*token == example());
    }
}

TEST_CASE("a token without a CA or a version is read", "[crypto]")
{
    PoolToken public_trust = example();
    public_trust.ca_pem.clear();
    const auto token = decode_pool_token(encode_pool_token(public_trust));
    REQUIRE(token);
    CHECK(*token == public_trust);
    const auto unversioned = decode_pool_token(base64_encode(with(R"(,"version":1)", "")));
    REQUIRE(unversioned);
    CHECK(*unversioned == example());
}

TEST_CASE("unknown fields of a token are ignored", "[crypto]")
{
    const auto token = decode_pool_token(
        base64_encode(with(R"({"broker":{)", R"({"new":[{"x":null}],"broker":{"queue":"q",)")));
    REQUIRE(token);
    CHECK(*token == example());
}

TEST_CASE("a wrong field of a token is named", "[crypto]")
{
    const PoolToken token = example();
    check_json_refused(with("\"broker\"", "\"other\""), "pool token: $.broker");
    check_json_refused(with(R"({"endpoint":"mothership.example:8443"})", "7"), "pool token: $.broker");
    check_json_refused(with("\"endpoint\"", "\"other\""), "pool token: $.broker.endpoint");
    check_json_refused(
        with("\"mothership.example:8443\"", "\"\""), "pool token: $.broker.endpoint: is empty");
    check_json_refused(with("\"comms_url\"", "\"other\""), "pool token: $.comms_url");
    check_json_refused(with("\"https://mothership.example:8443\"", "[]"), "pool token: $.comms_url");
    check_json_refused(
        with("\"https://mothership.example:8443\"", "\"\""), "pool token: $.comms_url: is empty");
    check_json_refused(with("\"pool_ulid\"", "\"other\""), "pool token: $.pool_ulid");
    check_json_refused(with(token.pool_ulid, "../../etc/passwd"), "pool token: $.pool_ulid: is not a ULID");
    check_json_refused(with(token.pool_ulid, ""), "pool token: $.pool_ulid: is empty");
    check_json_refused(with("\"certificate\"", "\"other\""), "pool token: $.certificate");
    check_json_refused(with("\"ca\":", "\"ca\":{},\"other\":"), "pool token: $.ca");
    check_json_refused(with("\"version\":1", "\"version\":\"1\""), "pool token: $.version");
    check_json_refused(with("\"version\":1", "\"version\":0"), "pool token: $.version");
    check_json_refused(with("\"version\":1", "\"version\":2"),
        "$.version: is 2, but this program knows versions up to 1: update it");
}

TEST_CASE("what is given in place of a token is named", "[crypto]")
{
    const std::string key = test::pem_of(test::first_key());
    check_refused(key, "a private key was given in place of the pool token");
    check_refused(base64_encode(key), "a private key was given in place of the pool token");
    check_refused(test::request_pem(test::first_key()),
        "a certificate signing request was given in place of the pool token");
    check_refused(example().certificate_pem, "a certificate was given in place of the pool token");
    check_refused("-----BEGIN PRIVATE KEY-----\nAAAA", "was given in place of the pool token");
    check_refused(json_of(example()), "the pool token is given as JSON, but it is the base64 of that");
}

TEST_CASE("a token that was damaged is refused", "[crypto]")
{
    std::string text = encode_pool_token(example());
    check_refused("", "the pool token is empty");
    check_refused(" \n", "the pool token is empty");
    check_refused(text.substr(0, text.size() / 8 * 4), "reading the pool token");
    check_refused(std::string(kMaxPoolTokenSize + 1, 'A'), "larger than the limit", Errc::exhausted);
    check_json_refused("[]", "pool token");
    check_json_refused("null", "pool token");
    check_json_refused(json_of(example()) + "x", "reading the pool token");
    text[9] = '?';
    check_refused(text, "reading the pool token: not valid base64: wrong byte at position 10");
}

} // namespace slipway::crypto
