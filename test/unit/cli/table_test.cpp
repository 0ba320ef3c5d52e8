#include "mothership/cli/table.h"

#include <catch2/catch.hpp>

using namespace slipway::cli;

TEST_CASE("text of a server cannot move a terminal's cursor")
{
    CHECK(printable("a\x1b[2Jb\nc\x7f") == "a\\x1b[2Jb\\x0ac\\x7f");
    CHECK(printable("größer") == "größer");
    CHECK(printable("a\xc2\x9b"
                    "2Jb\xc2\x80\xc2\x9f\xc2\xa0")
        == "a\\xc2\\x9b2Jb\\xc2\\x80\\xc2\\x9f\xc2\xa0");
    CHECK(printable("\xc2") == "\xc2");
}

TEST_CASE("columns are as wide as their widest cell, counted in characters")
{
    CHECK(
        format_table({{"NAME", "N"}, {"größer", "1"}, {"x", "22"}}) == "NAME    N\ngrößer  1\nx       22\n");
    CHECK(format_table({{"A", "B"}, {"1"}}) == "A  B\n1\n");
}

TEST_CASE("times and sizes are written for people")
{
    CHECK(format_age(0, 5) == "never");
    CHECK(format_age(1'000, 13'000) == "12 s ago");
    CHECK(format_age(1, 3 * 3'600'000 + 1) == "3 h ago");
    CHECK(format_age(9'000, 1'000) == "0 s ago");
    CHECK(format_span(340) == "340 ms");
    CHECK(format_span(1250) == "1.2 s");
    CHECK(format_span(125'000) == "2 min 5 s");
    CHECK(format_size(999) == "999 B");
    CHECK(format_size(1'400'000) == "1.4 MB");
}
