#include "crypto/ed25519.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using test::from_hex;

namespace {

// RFC 8032 section 7.1, test 3.
const std::string kSeed = from_hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
const std::string kPublic = from_hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
const std::string kMessage = from_hex("af82");
const std::string kSignature = from_hex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                                        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");

} // namespace

TEST_CASE("Ed25519 signs and verifies as RFC 8032 was published with", "[crypto]")
{
    const auto signature = sign_ed25519(kMessage, Secret{kSeed + kPublic});
    REQUIRE(signature);
    CHECK(*signature == kSignature);
    CHECK(verify_ed25519(kMessage, kSignature, kPublic));
}

TEST_CASE("Ed25519 verifies no other message, signature or key", "[crypto]")
{
    for (std::size_t i = 0; i < kSignature.size(); ++i) {
        std::string other = kSignature;
        other[i] = static_cast<char>(other[i] ^ 1);
        const auto verdict = verify_ed25519(kMessage, other, kPublic);
        REQUIRE_FALSE(verdict);
        CHECK(verdict.error().code() == Errc::rejected);
    }
    for (std::size_t i = 0; i < kPublic.size(); ++i) {
        std::string other = kPublic;
        other[i] = static_cast<char>(other[i] ^ 1);
        CHECK_FALSE(verify_ed25519(kMessage, kSignature, other));
    }
    CHECK_FALSE(verify_ed25519(kMessage + "x", kSignature, kPublic));
    CHECK_FALSE(verify_ed25519("", kSignature, kPublic));
}

TEST_CASE("Ed25519 refuses keys and signatures that are none", "[crypto]")
{
    CHECK(verify_ed25519(kMessage, kSignature, kPublic + "x").error().code() == Errc::invalid_input);
    CHECK(verify_ed25519(kMessage, kSignature.substr(1), kPublic).error().code() == Errc::invalid_input);
    CHECK(sign_ed25519(kMessage, Secret{kSeed}).error().code() == Errc::invalid_input);
    CHECK(sign_ed25519(kMessage, Secret{kSeed + kSeed}).error().code() == Errc::invalid_input);
}

} // namespace slipway::crypto
