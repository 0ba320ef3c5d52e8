#include "launcher/vela/substitute.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>

#include <random>

using namespace slipway::vela;

namespace {

const Variables kVariables{{"A", "alpha"}, {"E", ""}, {"F", "/srv/data/report.tar.gz"}, {"N", "3"},
    {"U", "ÄRGER"}, {"M", "a.b.a.b"}, {"X-Y", "dash"}, {"ß1", "letter"}, {"D", "$$ and ${A}"},
    {"B",
        "\xff"
        "b"}};

} // namespace

TEST_CASE("each form of an expression is expanded as envsubst does")
{
    struct Row {
        std::string text;
        std::string expanded;
    };

    for (const auto& [text, expanded] : std::vector<Row>{
             // what is no expression
             {"", ""},
             {"plain } text {", "plain } text {"},
             {"$A $ $(A) $", "$A $ $(A) $"},
             {"$$A", "$A"},
             {"$${A}", "${A}"},
             {"$$${A}", "$alpha"},
             {"$$$", "$$"},
             {"$$$$", "$$"},
             {R"(a\/b\\c\d\$ \)", R"(a/b\c\d\$ \)"},
             {R"(\${A})", R"(\alpha)"},
             // values
             {"${A}", "alpha"},
             {"<${A}${A}>", "<alphaalpha>"},
             {"${NONE}", ""},
             {"${X-Y}", "dash"},
             {"${ß1}", "letter"},
             {"${A-b}", ""},
             {"${D}", "$$ and ${A}"},
             // lengths in bytes
             {"${#A}", "5"},
             {"${#U}", "6"},
             {"${#NONE}", "0"},
             // letters
             {"${A^}", "Alpha"},
             {"${A^^}", "ALPHA"},
             {"${U,}", "äRGER"},
             {"${U,,}", "ärger"},
             {"${A,^}", "alpha"},
             {"${B^^}",
                 "\xef\xbf\xbd"
                 "B"},
             {"${E^^}${E^}", ""},
             // parts
             {"${A:1}", "lpha"},
             {"${A:1:2}", "lp"},
             {"${A:N}", "alpha"},
             {"${A:${N}}", "ha"},
             {"${A:${N}:1}", "h"},
             {"${A:9}", ""},
             {"${A:9:1}", ""},
             {"${A:0:99}", "alpha"},
             {"${A: -2}", "alpha"},
             {"${A:1:x}", "alpha"},
             {"${A:1::2}", "lp"},
             {"${U:1:1}", "\x84"},
             // patterns, shortest and longest
             {"${F#*/}", "srv/data/report.tar.gz"},
             {"${F##*/}", "report.tar.gz"},
             {"${F%.*}", "/srv/data/report.tar"},
             {"${F%%.*}", "/srv/data/report"},
             {"${F%/*}", "/srv/data"},
             {"${F#/s?v}", "/data/report.tar.gz"},
             {"${F#[/][^x]}", "rv/data/report.tar.gz"},
             {"${F#none}", "/srv/data/report.tar.gz"},
             {"${F#[}", "/srv/data/report.tar.gz"},
             {"${A#*}", "lpha"},
             {"${A##*}", ""},
             {"${A%${A}}", ""},
             // replacements of plain text
             {"${M/a/X}", "X.b.a.b"},
             {"${M//a/X}", "X.b.X.b"},
             {"${M/./}", "ab.a.b"},
             {"${M//./}", "abab"},
             {"${M/#a/X}", "X.b.a.b"},
             {"${M/#b/X}", "a.b.a.b"},
             {"${M/%b/X}", "a.b.a.X"},
             {"${M/%b/}", "a.b.a.b"},
             {"${M/*/X}", "a.b.a.b"},
             {R"(${F//\//-})", "-srv-data-report.tar.gz"},
             {R"(${M/a/\/})", "/.b.a.b"},
             {"${M/a//X}", "X.b.a.b"},
             {"${M//${E:-a}/${N}}", "3.b.3.b"},
             {"${M//a}/${N}}", "a.b.a.b"},
             // defaults
             {"${A=d}", "alpha"},
             {"${E=d}", "d"},
             {"${NONE:=d}", "d"},
             {"${NONE:-d}", "d"},
             {"${NONE:?d}", "d"},
             {"${NONE:+d}", "d"},
             {"${A:+d}", "alpha"},
             {"${NONE:-}", ""},
             {"${NONE:-a ${A} b$$ ${NONE:-c}}", "a alpha b$$ c"},
             {"${NONE:-a:b/c#d%e}", "a:b/c#d%e"},
         }) {
        CAPTURE(text);
        const auto result = substitute(text, kVariables);
        REQUIRE(result);
        CHECK(*result == expanded);
    }
}

TEST_CASE("an expression that cannot be read is refused")
{
    for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
             {"${A", "missing closing brace"},
             {"${A b}", "missing closing brace"},
             {"${A^^x}", "missing closing brace"},
             {"${#A", "missing closing brace"},
             {"${M/a/b${A}}", "missing closing brace"},
             {"${", "unable to parse variable name"},
             {"${}", "unable to parse variable name"},
             {"${ A}", "unable to parse variable name"},
             {"${##A}", "bad substitution"},
             {"${A:", "unable to parse substitution within function"},
             {"${A#}", "unable to parse substitution within function"},
             {"${A:-d", "unable to parse substitution within function"},
             {"${A//b}", "bad substitution"},
         }) {
        CAPTURE(text);
        const auto result = substitute(text, kVariables);
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == slipway::Errc::invalid_input);
        CHECK(result.error().message() == message);
    }
}

TEST_CASE("an expression cannot exhaust stack or memory")
{
    std::string deep;
    for (int i = 0; i < 100'000; ++i)
        deep += "${X:-";
    CHECK_FALSE(substitute(deep, {}));

    std::string multiplied = "x";
    for (int i = 0; i < 8; ++i)
        multiplied = "${L//x/" + (i == 0 ? std::string{"${L}"} : multiplied) + "}";
    CHECK_FALSE(substitute(multiplied, {{"L", std::string(1000, 'x')}}));
}

TEST_CASE("what was escaped is found as it was")
{
    std::mt19937 random{slipway::test::seed()};
    constexpr std::string_view kAlphabet = "$${}\\/#%:ab\n";
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        std::string escaped;
        for (auto length = random() % 20; length > 0; --length) {
            const char c = kAlphabet[random() % kAlphabet.size()];
            text += c;
            if (c == '$')
                escaped += "$$";
            else
                escaped.append(c == '\\' ? "\\\\" : std::string{c});
        }
        CAPTURE(escaped);
        const auto result = substitute(escaped, kVariables);
        REQUIRE(result);
        CHECK(*result == text);
    }
}

TEST_CASE("every text of a container is expanded with its variables at the start")
{
    Container container;
    container.environment = {{"A", "1"}, {"B", "${A}${C}"}, {"C", "${A}"}};
    container.id = container.directory = container.image = container.name = container.pull = container.user
        = container.report_as = container.id_request = "${A}";
    container.commands = container.entrypoint = container.needs = container.networks = container.ports
        = container.artifact_paths = container.git.repositories = {"x", "${A}"};
    container.secrets = {{"${A}", "${A}"}};
    container.ulimits = {{.name = "${A}", .soft = 1, .hard = 1}};
    container.git.permissions = {{"contents", "${A}"}};
    container.ruleset.when.branch = {"${A}"};
    container.ruleset.unless.eval = "${A}";
    REQUIRE(substitute(container));
    CHECK(container.environment == Variables{{"A", "1"}, {"B", "1${A}"}, {"C", "1"}});
    for (const auto& text : {container.id, container.directory, container.image, container.name,
             container.pull, container.user, container.report_as, container.id_request, container.commands[1],
             container.entrypoint[1], container.needs[1], container.networks[1], container.ports[1],
             container.artifact_paths[1], container.git.repositories[1], container.secrets[0].source,
             container.secrets[0].target, container.ulimits[0].name, container.git.permissions[0].second,
             container.ruleset.when.branch[0], container.ruleset.unless.eval})
        CHECK(text == "1");
}

TEST_CASE("a container that cannot be expanded tells the place")
{
    Container container;
    container.environment = {{"GREETING", "hello ${NAME"}};
    const auto of_variable = substitute(container);
    REQUIRE_FALSE(of_variable);
    CHECK(of_variable.error().message() == "container.Environment[\"GREETING\"]: missing closing brace");

    container.environment.clear();
    container.commands = {"true", "echo ${"};
    const auto of_command = substitute(container);
    REQUIRE_FALSE(of_command);
    CHECK(of_command.error().message() == "container.Commands[1]: unable to parse variable name");
}
