#include "common/base64.h"

#include <catch2/catch.hpp>

using namespace slipway;

namespace {

std::string message_of(std::string_view text)
{
    const auto read = base64_decode(text);
    return read ? "" : read.error().message();
}

} // namespace

TEST_CASE("base64 keeps the vectors of RFC 4648, padded or not")
{
    const std::pair<const char*, const char*> vectors[]{{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : vectors) {
        CHECK(base64_encode(bytes) == text);
        CHECK(*base64_decode(text) == bytes);
        std::string bare = text;
        bare.erase(std::min(bare.find('='), bare.size()));
        CHECK(*base64_decode(bare) == bytes);
    }
}

TEST_CASE("each byte value and each length survives base64")
{
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        CHECK(*base64_decode(base64_encode(bytes)) == bytes);
        bytes += static_cast<char>(255 - i);
    }
}

TEST_CASE("base64 that was wrapped or indented is read")
{
    CHECK(*base64_decode("Zm9v\nYmFy\n") == "foobar");
    CHECK(*base64_decode(" Z m\t9\r\nvYmE = \n") == "fooba");
    CHECK(*base64_decode("Zg=\n=") == "f");
    CHECK(base64_decode(" \n")->empty());
}

TEST_CASE("a wrong byte of base64 is named by its position, counted with white space")
{
    CHECK(message_of("Zm9v!mFy") == "not valid base64: wrong byte at position 5");
    CHECK(message_of("Zm9v\n-mFy") == "not valid base64: wrong byte at position 6");
    CHECK(message_of("*") == "not valid base64: wrong byte at position 1");
    CHECK(message_of("Zg==Zg==") == "not valid base64: wrong byte at position 5");
    CHECK(message_of("Zg===") == "not valid base64: wrong byte at position 5");
    CHECK(message_of("=") == "not valid base64: wrong byte at position 1");
    CHECK(message_of("Z=") == "not valid base64: wrong byte at position 2");
    CHECK(message_of(std::string_view{"Zm9v\0", 5}) == "not valid base64: wrong byte at position 5");
    CHECK(message_of("Zm9v\xC3\xA4") == "not valid base64: wrong byte at position 5");
}

TEST_CASE("base64 that ends early says so")
{
    CHECK(message_of("Z") == "not valid base64: it ends early, after byte 1");
    CHECK(message_of("Zm9vY") == "not valid base64: it ends early, after byte 5");
    CHECK(message_of("Zg=") == "not valid base64: it ends early, after byte 3");
}

TEST_CASE("hexadecimal is lower-case, two digits a byte")
{
    CHECK(hex_encode(std::string_view{"\0\x0F\xA0\xFF", 4}) == "000fa0ff");
    CHECK(hex_encode("").empty());
}
