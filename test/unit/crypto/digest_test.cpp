#include "common/base64.h"
#include "crypto/digest.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using test::from_hex;

TEST_CASE("SHA-256 gives the digests that FIPS 180-4 was published with", "[crypto]")
{
    CHECK(sha256("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex()
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256(std::string(1'000'000, 'a')).hex()
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 of pieces is that of the whole", "[crypto]")
{
    Sha256 sum;
    sum.update("a");
    sum.update({});
    Sha256 moved = std::move(sum);
    moved.update("bc");
    CHECK(moved.finish() == sha256("abc"));
    CHECK(Sha256{}.finish() == sha256(""));
}

TEST_CASE("a digest equals its own 32 bytes only", "[crypto]")
{
    const Digest digest = sha256("abc");
    CHECK(digest.equals(digest.view()));
    CHECK_FALSE(digest.equals(digest.view().substr(1)));
    CHECK_FALSE(digest.equals(std::string{digest.view()} + '\0'));
    for (std::size_t i = 0; i < Digest::kSize; ++i) {
        std::string other{digest.view()};
        other[i] = static_cast<char>(other[i] ^ 1);
        CHECK_FALSE(digest.equals(other));
    }
}

TEST_CASE("HMAC-SHA-256 gives the codes of RFC 4231", "[crypto]")
{
    CHECK(hmac_sha256(std::string(20, '\x0b'), "Hi There").hex()
        == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac_sha256("Jefe", "what do ya want for nothing?").hex()
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd')).hex()
        == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(hmac_sha256(from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'))
              .hex()
        == "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(
        hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First").hex()
        == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hmac_sha256(std::string(131, '\xaa'),
              "This is a test using a larger than block-size key and a larger than block-size data. The key "
              "needs to "
              "be hashed before being used by the HMAC algorithm.")
              .hex()
        == "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("HMAC-SHA-256 takes an empty key and an empty message", "[crypto]")
{
    CHECK(hmac_sha256(std::string_view{}, std::string_view{}).hex()
        == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("HKDF-SHA-256 gives the keys of RFC 5869", "[crypto]")
{
    const auto derive
        = [](std::string_view key, std::string_view salt, std::string_view info, std::size_t size) {
              const auto bytes = [](std::string_view digits) { return from_hex(digits); };
              const std::string k = bytes(key);
              const std::string s = bytes(salt);
              const std::string i = bytes(info);
              return hex_encode(hkdf_sha256({.key = k, .salt = s, .info = i}, size).reveal());
          };
    CHECK(derive("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
              "f0f1f2f3f4f5f6f7f8f9", 42)
        == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    std::string run;
    for (int i = 0; i < 256; ++i)
        run += static_cast<char>(i);
    CHECK(derive(hex_encode(run.substr(0, 80)), hex_encode(run.substr(0x60, 80)),
              hex_encode(run.substr(0xb0, 80)), 82)
        == "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
           "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    CHECK(derive("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "", 42)
        == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST_CASE("HKDF-SHA-256 gives from one to 255 blocks", "[crypto]")
{
    CHECK(hkdf_sha256({.key = "k", .salt = {}, .info = {}}, 1).size() == 1);
    CHECK(
        hkdf_sha256({.key = "k", .salt = {}, .info = {}}, 255 * Digest::kSize).size() == 255 * Digest::kSize);
}

} // namespace slipway::crypto
