#include "common/base64.h"
#include "launcher/vela/prepare.h"

#include <catch2/catch.hpp>

using namespace slipway::vela;

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("files of outputs are read as dotenv")
{
    const auto read = read_outputs("# made by a step\n"
                                   "\n"
                                   "A=plain\n"
                                   "  B = two words # comment\r\n"
                                   "export C=exported\n"
                                   "D='single \\n # not'\n"
                                   "E=\"a\\tb\\n\\\"\\u00e4\\ud83d\\ude01\\/\" # c\n"
                                   "F=\n"
                                   "G=x' y '\"z\"\n"
                                   "H=#none\n"
                                   "I_1.x/y=k=v\n"
                                   "J=back\\slash \"in\" the middle\n"
                                   "export=key\n"
                                   "A=again");
    REQUIRE(read);
    CHECK(*read
        == Pairs{{"A", "again"}, {"B", "two words"}, {"C", "exported"}, {"D", "single \\n # not"},
            {"E", "a\tb\n\"ä😁/"}, {"F", ""}, {"G", "x y z"}, {"H", ""}, {"I_1.x/y", "k=v"},
            {"J", "back\\slash in the middle"}, {"export", "key"}});
    CHECK(read_outputs("")->empty());
}

TEST_CASE("one bad line of outputs discards them all and is named without its text")
{
    for (const std::string line : {"secret", "=secret", "1a=secret", "a b=secret", "a-b=secret", "A=\"secret",
             "A='secret", "A=\"secret\\q\"", "A=\"secret\\", "A=\"secret\\u12\"", "A=\"secret\\ud83d\"",
             "A=\"secret\\ude01\"", "A=\"secret\\ud83d\\u0041\"", "A=\"secret\\u0000\"", "A=secret\x01",
             "A=sec\rret"}) {
        CAPTURE(line);
        const auto read = read_outputs("OK=1\n" + line + "\nOK2=2\n");
        REQUIRE_FALSE(read);
        CHECK(read.error().message().starts_with("line 2: "));
        CHECK(read.error().message().find("secret") == std::string::npos);
    }
    CHECK_FALSE(read_outputs(std::string_view{"A=x\0y", 5}));
}

TEST_CASE("base64 outputs are decoded, and what is none keeps its text")
{
    const auto read = read_base64_outputs("A=" + slipway::base64_encode("two\nlines")
        + "\nB=not base64!\nC=" + slipway::base64_encode(std::string_view{"z\0", 2}));
    REQUIRE(read);
    CHECK(*read == Pairs{{"A", "two\nlines"}, {"B", "not base64!"}, {"C", "egA="}});
}

TEST_CASE("outputs never change a variable that is there, but where it asks for one")
{
    Container container;
    container.environment = {{"KEPT", "1"}, {"WANTS", "$NEW"}, {"WANTS_MASKED", "$PIN"}, {"PART", "x$NEW"},
        {"BRACED", "${NEW}"}, {"WANTS_KEPT", "$KEPT"}};
    merge_outputs(container, {.plain = {{"NEW", "n"}, {"KEPT", "2"}}, .masked = {{"PIN", "4711"}}});
    CHECK(container.environment
        == Variables{{"KEPT", "1"}, {"WANTS", "n"}, {"WANTS_MASKED", "4711"}, {"PART", "x$NEW"},
            {"BRACED", "${NEW}"}, {"WANTS_KEPT", "$KEPT"}, {"NEW", "n"}, {"PIN", "4711"}});
}
