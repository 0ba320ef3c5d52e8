#include "common/file.h"
#include "crypto/key.h"
#include "test/support/temp_dir.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using test::first_key;
using test::pem_of;
using test::second_key;

namespace {

std::string flipped(std::string bytes, std::size_t at)
{
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
}

} // namespace

TEST_CASE("a public key is read from its PEM and from a certificate", "[crypto]")
{
    const auto pem = first_key().public_key().to_pem();
    REQUIRE(pem);
    const std::string certificate = test::openssl(
        {"req", "-x509", "-batch", "-subj", "/CN=x", "-key", "in", "-out", "out"}, pem_of(first_key()));
    for (const auto& text : {*pem, test::with_crlf(*pem), certificate}) {
        const auto key = PublicKey::from_pem(text);
        REQUIRE(key);
        CHECK(key->fingerprint() == first_key().fingerprint());
        const auto again = key->to_pem();
        REQUIRE(again);
        CHECK(*again == *pem);
    }
}

TEST_CASE("what is no public key is refused by name", "[crypto]")
{
    const auto refusal = [](std::string_view text) {
        const auto key = PublicKey::from_pem(text);
        REQUIRE_FALSE(key);
        CHECK(key.error().code() == Errc::invalid_input);
        return key.error().message();
    };
    CHECK_THAT(refusal(pem_of(first_key())), Contains("a private key was given in place of a public key"));
    CHECK_THAT(refusal("hello"), Contains("not a public key in PEM"));
    CHECK_THAT(refusal("-----BEGIN PUBLIC KEY-----\nMAAB\n-----END PUBLIC KEY-----"),
        Contains("reading a public key"));
    CHECK_THAT(refusal("-----BEGIN CERTIFICATE-----\nMAAB\n-----END CERTIFICATE-----"),
        Contains("reading a certificate"));
    CHECK(PublicKey::from_pem(std::string(64 * 1024 + 1, ' ')).error().code() == Errc::exhausted);
}

TEST_CASE("a signature fits its message and its key only", "[crypto]")
{
    const auto signature = first_key().sign("message");
    REQUIRE(signature);
    CHECK(signature->size() == 256);
    CHECK(first_key().public_key().verify("message", *signature));
    const auto wrong = [&](const PublicKey& key, std::string_view message, std::string_view bytes) {
        const auto verified = key.verify(message, bytes);
        REQUIRE_FALSE(verified);
        CHECK(verified.error().code() == Errc::rejected);
    };
    const PublicKey& key = first_key().public_key();
    wrong(second_key().public_key(), "message", *signature);
    wrong(key, "Message", *signature);
    wrong(key, "", *signature);
    wrong(key, "message", "");
    wrong(key, "message", std::string(256, '\0'));
    wrong(key, "message", signature->substr(0, 255));
    wrong(key, "message", *signature + '\0');
    for (const std::size_t at : {0U, 128U, 255U})
        wrong(key, "message", flipped(*signature, at));
}

TEST_CASE("an empty message is signed, and no two signatures are the same", "[crypto]")
{
    const auto one = first_key().sign("");
    const auto two = first_key().sign("");
    REQUIRE(one);
    REQUIRE(two);
    CHECK(*one != *two);
    CHECK(first_key().public_key().verify("", *one));
    CHECK(first_key().public_key().verify({}, *two));
}

TEST_CASE("a signature is RSA-PSS with 32 bytes of salt and nothing else", "[crypto]")
{
    // Other padding and other salt lengths by the same key are no signatures of ours.
    const auto sign = [](const std::vector<std::string>& options) {
        std::vector<std::string> arguments{"dgst", "-sha256", "-sign", "in", "-out", "out"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        arguments.emplace_back("in");
        return test::openssl(arguments, pem_of(first_key()));
    };
    const std::string message = pem_of(first_key());
    const PublicKey& key = first_key().public_key();
    CHECK(key.verify(message, sign({"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"})));
    CHECK_FALSE(
        key.verify(message, sign({"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20"})));
    CHECK_FALSE(key.verify(message, sign({})));
}

TEST_CASE("a wrapped key opens with its own key only", "[crypto]")
{
    const std::string bytes(32, 'k');
    const auto wrapped = first_key().public_key().wrap(Secret{bytes});
    REQUIRE(wrapped);
    CHECK(wrapped->size() == 256);
    const auto opened = first_key().unwrap(*wrapped);
    REQUIRE(opened);
    CHECK(opened->reveal() == bytes);
    const auto wrong = [&](const PrivateKey& key, std::string_view text) {
        const auto unwrapped = key.unwrap(text);
        REQUIRE_FALSE(unwrapped);
        CHECK(unwrapped.error().code() == Errc::rejected);
        CHECK(unwrapped.error().message() == "the wrapped key was made for another key or changed");
    };
    wrong(second_key(), *wrapped);
    wrong(first_key(), "");
    wrong(first_key(), wrapped->substr(1));
    wrong(first_key(), *wrapped + '\0');
    wrong(first_key(), std::string(256, '\0'));
    wrong(first_key(), std::string(256, '\xff'));
    for (const std::size_t at : {0U, 128U, 255U})
        wrong(first_key(), flipped(*wrapped, at));
}

TEST_CASE("what openssl wraps opens, and openssl opens what is wrapped", "[crypto]")
{
    const std::string bytes = "32 bytes: not a text, but a key..";
    const slipway::test::TempDir directory;
    const auto public_pem = first_key().public_key().to_pem();
    REQUIRE(public_pem);
    REQUIRE(replace_file(directory.path() / "public.pem", *public_pem));
    REQUIRE(replace_file(directory.path() / "private.pem", pem_of(first_key())));
    const std::vector<std::string> oaep{"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256",
        "-pkeyopt", "rsa_mgf1_md:sha256"};
    const auto pkeyutl = [&](std::vector<std::string> arguments, const std::string& input) {
        arguments.insert(arguments.begin(), "pkeyutl");
        arguments.insert(arguments.end(), oaep.begin(), oaep.end());
        arguments.insert(arguments.end(), {"-in", "in", "-out", "out"});
        return test::openssl(arguments, input);
    };
    const auto opened = first_key().unwrap(
        pkeyutl({"-encrypt", "-pubin", "-inkey", directory.path() / "public.pem"}, bytes));
    REQUIRE(opened);
    CHECK(opened->equals(bytes));
    const auto wrapped = first_key().public_key().wrap(Secret{bytes});
    REQUIRE(wrapped);
    CHECK(pkeyutl({"-decrypt", "-inkey", directory.path() / "private.pem"}, *wrapped) == bytes);
}

TEST_CASE("what is wrapped has up to 190 bytes with a key of 2048 bits", "[crypto]")
{
    const std::string bytes(190, 'k');
    const auto wrapped = first_key().public_key().wrap(Secret{bytes});
    REQUIRE(wrapped);
    const auto opened = first_key().unwrap(*wrapped);
    REQUIRE(opened);
    CHECK(opened->reveal() == bytes);
    const auto too_long = first_key().public_key().wrap(Secret{std::string(191, 'k')});
    REQUIRE_FALSE(too_long);
    CHECK(too_long.error().code() == Errc::invalid_input);
}

} // namespace slipway::crypto
