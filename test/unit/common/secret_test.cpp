#include "common/secret.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <utility>

using namespace slipway;

namespace {

/// A secret's bytes, looked at when they are given back.
std::string_view watched;
bool watched_clean = false;

void look_before_free(const void* memory) noexcept
{
    if (watched.data() == nullptr || memory != watched.data())
        return;
    watched_clean = std::ranges::all_of(watched, [](char c) { return c == 0; });
    watched = {};
}

} // namespace

// Secret allocates with new[], and nothing else tells what a freed secret held.
void* operator new[](std::size_t size)
{
    if (void* memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc{};
}

void operator delete[](void* memory) noexcept
{
    look_before_free(memory);
    std::free(memory);
}

void operator delete[](void* memory, std::size_t /*size*/) noexcept
{
    look_before_free(memory);
    std::free(memory);
}

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
    REQUIRE(text.data() == place); // the buffer is still the string's and may be read up to its capacity
    CHECK(std::string_view{place, size} == std::string(size, '\0'));
}

TEST_CASE("a secret that dies or is replaced leaves zeroes behind")
{
    const auto clean_after = [](const auto& end) {
        Secret secret{"a secret that is looked for where it was"};
        watched = secret.reveal();
        watched_clean = false;
        end(std::move(secret));
        return std::exchange(watched, {}).empty() && watched_clean;
    };
    CHECK(clean_after([](Secret secret) { (void)secret; }));
    CHECK(clean_after([](Secret secret) { secret = Secret{"another"}; }));
    CHECK(clean_after([](Secret secret) {
        const Secret other{"another"};
        secret = other;
    }));
}

TEST_CASE("a secret's pages stay out of core dumps")
{
    const Secret secret{"a secret that no dump may show"};
    const auto place = reinterpret_cast<std::uintptr_t>(secret.reveal().data());
    std::ifstream maps{"/proc/self/smaps"};
    bool inside = false;
    bool kept_out = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2)
            inside = from <= place && place < to;
        else if (inside && line.starts_with("VmFlags:"))
            kept_out = line.find(" dd") != std::string::npos;
    }
    CHECK(kept_out);
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
