#include "common/base64.h"
#include "common/file.h"
#include "launcher/vela/queue.h"

#include <catch2/catch.hpp>

#include <filesystem>

namespace slipway::vela {

namespace {

std::string file(const std::string& name)
{
    auto bytes = read_file(std::filesystem::path{SLIPWAY_TEST_DATA} / name, 1U << 20U);
    REQUIRE(bytes);
    return *std::move(bytes);
}

} // namespace

TEST_CASE("elements that a Vela server signed are verified with its public key", "[vela]")
{
    for (const std::string name : {"fx-steps.bin", "fx-stages.bin"}) {
        const std::string element = file(name);
        const auto message = verified_message(element, file("public-key.txt"));
        REQUIRE(message);
        CHECK(*message == element.substr(64));
        CHECK(message->starts_with("{\"build\":{"));
    }
}

TEST_CASE("an element that was changed, or signed by another key, is rejected", "[vela]")
{
    const std::string key = file("public-key.txt");
    std::string element = file("fx-steps.bin");
    element.back() ^= 1;
    CHECK(verified_message(element, key).error().code() == Errc::rejected);
    element.back() ^= 1;
    element.front() ^= 1;
    CHECK(verified_message(element, key).error().code() == Errc::rejected);
    CHECK(verified_message(file("fx-steps.bin"), base64_encode(std::string(32, '\7'))).error().code()
        == Errc::rejected);
}

TEST_CASE("what can be no signed element, and what can be no key, is told apart", "[vela]")
{
    const std::string element = file("fx-steps.bin");
    CHECK(verified_message(element.substr(0, 63), file("public-key.txt")).error().code()
        == Errc::invalid_input);
    CHECK(verified_message("", file("public-key.txt")).error().code() == Errc::invalid_input);
    CHECK(verified_message(element, "no key!").error().code() == Errc::invalid_input);
    CHECK(verified_message(element, base64_encode("short")).error().code() == Errc::invalid_input);
}

} // namespace slipway::vela
