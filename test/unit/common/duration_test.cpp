#include "common/duration.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <vector>

using namespace slipway;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr nanoseconds kMax{INT64_MAX};
constexpr nanoseconds kMin{INT64_MIN};

struct Case {
    const char* text;
    nanoseconds value;
};

} // namespace

// The cases of Go's own test, src/time/time_test.go.
TEST_CASE("a duration is read as Go reads it")
{
    const std::vector<Case> cases{{"0", 0s}, {"5s", 5s}, {"30s", 30s}, {"1478s", 1478s}, {"-5s", -5s},
        {"+5s", 5s}, {"-0", 0s}, {"+0", 0s}, {"5.0s", 5s}, {"5.6s", 5600ms}, {"5.s", 5s}, {".5s", 500ms},
        {"1.0s", 1s}, {"1.00s", 1s}, {"1.004s", 1004ms}, {"1.0040s", 1004ms}, {"100.00100s", 100001ms},
        {"10ns", 10ns}, {"11us", 11us}, {"12\xC2\xB5s", 12us}, {"12\xCE\xBCs", 12us}, {"13ms", 13ms},
        {"14s", 14s}, {"15m", 15min}, {"16h", 16h}, {"3h30m", 210min}, {"10.5s4m", 4min + 10500ms},
        {"-2m3.4s", -(2min + 3400ms)}, {"1h2m3s4ms5us6ns", 1h + 2min + 3s + 4ms + 5us + 6ns},
        {"39h9m14.425s", 39h + 9min + 14425ms}, {"52763797000ns", 52763797000ns},
        {"0.3333333333333333333h", 20min}, {"9007199254740993ns", 9007199254740993ns},
        {"9223372036854775807ns", kMax}, {"9223372036854775.807us", kMax},
        {"9223372036s854ms775us807ns", kMax}, {"-9223372036854775808ns", kMin},
        {"-9223372036854775.808us", kMin}, {"-9223372036s854ms775us808ns", kMin},
        {"-2562047h47m16.854775808s", kMin}, {"0.100000000000000000000h", 6min},
        {"0.830103483285477580700h", 49min + 48s + 372539827ns}};
    for (const auto& [text, value] : cases) {
        INFO(text);
        const auto read = parse_duration(text);
        REQUIRE(read);
        CHECK(read->count() == value.count());
    }
}

TEST_CASE("what Go refuses is no duration")
{
    for (const char* text :
        {"", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "\x85\x85", "\xFF\xFF", "hello \xFF\xFF world",
            "\xEF\xBF\xBD", "9223372036854775810ns", "9223372036854775808ns", "-9223372036854775809ns",
            "9223372036854776us", "3000000h", "9223372036854775.808us", "9223372036854ms775us808ns",
            "99999999999999999999999999999999999999999999h", "1 s", " 1s", "1s ", "--1s"}) {
        INFO(text);
        const auto read = parse_duration(text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == Errc::invalid_input);
        CHECK(read.error().message().find(text) != std::string::npos);
    }
}

TEST_CASE("a duration is written as Go writes it and read again as itself")
{
    const std::vector<Case> cases{{"0s", 0s}, {"1ns", 1ns}, {"1.1\xC2\xB5s", 1100ns}, {"2.2ms", 2200us},
        {"3.3s", 3300ms}, {"4m5s", 4min + 5s}, {"4m5.001s", 4min + 5001ms},
        {"5h6m7.001s", 5h + 6min + 7001ms}, {"8m0.000000001s", 8min + 1ns}, {"-1m0s", -1min}, {"1h0m0s", 1h},
        {"2562047h47m16.854775807s", kMax}, {"-2562047h47m16.854775808s", kMin}};
    for (const auto& [text, value] : cases) {
        CHECK(format_duration(value) == text);
        const auto read = parse_duration(text);
        REQUIRE(read);
        CHECK(read->count() == value.count());
    }
}
