#include "common/secret.h"

#include <catch2/catch.hpp>

#include <array>
#include <utility>

using namespace slipway;

TEST_CASE("wiping overwrites the bytes in their place")
{
    std::array<char, 6> bytes{'s', 'e', 'c', 'r', 'e', 't'};
    wipe(bytes.data(), 3);
    CHECK(bytes == std::array<char, 6>{0, 0, 0, 'r', 'e', 't'});

    std::string text = "a secret that is longer than a short string";
    text.reserve(100);
    const char* place = text.data();
    const std::size_t size = text.size();
    wipe(text);
    CHECK(text.empty());
    text.resize(size); // the same buffer, whose bytes are now part of the string again
    CHECK(text.data() == place);
    CHECK(text == std::string(size, '\0'));
}

TEST_CASE("a secret that takes its bytes leaves none behind")
{
    std::string text = "a secret that is longer than a short string";
    const auto secret = Secret::take(text);
    CHECK(secret.reveal() == "a secret that is longer than a short string");
    CHECK(text.empty());
}

TEST_CASE("secrets are equal when their bytes are")
{
    const Secret secret{std::string_view{"a\0b", 3}};
    CHECK(secret.size() == 3);
    CHECK(secret.equals(std::string_view{"a\0b", 3}));
    CHECK_FALSE(secret.equals(std::string_view{"a\0c", 3}));
    CHECK_FALSE(secret.equals("a"));
    CHECK(Secret{}.equals(""));
    CHECK(Secret{}.empty());
    CHECK_FALSE(Secret{}.equals("x"));
}

TEST_CASE("copies are independent and moved-from secrets are empty")
{
    Secret first{"one"};
    Secret copy = first;
    CHECK(copy.reveal().data() != first.reveal().data());
    Secret moved = std::move(first);
    CHECK(moved.reveal() == "one");
    CHECK(first.empty()); // NOLINT(bugprone-use-after-move): that it is empty is promised
    moved = Secret{"two"};
    CHECK(moved.reveal() == "two");
    CHECK(copy.reveal() == "one");
    copy = moved;
    const Secret& itself = copy;
    copy = itself;
    CHECK(copy.reveal() == "two");
    copy = Secret{};
    CHECK(copy.empty());
}
