#include "common/result.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace slipway;

namespace {

Result<int> half(int number)
{
    if (number % 2 != 0)
        return Error{Errc::invalid_input, std::to_string(number) + " is odd"};
    return number / 2;
}

Result<int> quarter(int number)
{
    const int once = SLIPWAY_TRY(half(number));
    return SLIPWAY_TRY(in("again", half(once)));
}

Result<void> check(int number)
{
    SLIPWAY_TRY(half(number));
    return {};
}

} // namespace

TEST_CASE("a result holds a value or an error")
{
    CHECK(*half(4) == 2);
    const auto odd = half(3);
    CHECK_FALSE(odd);
    CHECK_FALSE(odd.has_value());
    CHECK(odd.error().message() == "3 is odd");
    CHECK(half(4).value_or(9) == 2);
    CHECK(half(3).value_or(9) == 9);
}

TEST_CASE("an error ends the function that tries and keeps its code")
{
    CHECK(*quarter(8) == 2);
    CHECK(quarter(5).error().message() == "5 is odd");
    const auto again = quarter(6);
    REQUIRE_FALSE(again);
    CHECK(again.error().message() == "again: 3 is odd");
    CHECK(again.error().code() == Errc::invalid_input);
    CHECK(check(2));
    CHECK(check(1).error().message() == "1 is odd");
}

TEST_CASE("a value that can only be moved comes out of a result")
{
    Result<std::unique_ptr<int>> result{std::make_unique<int>(7)};
    const auto owned = *std::move(result);
    CHECK(*owned == 7);
}
