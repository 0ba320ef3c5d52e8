#include "launcher/vela/ruleset.h"

#include <catch2/catch.hpp>

using namespace slipway::vela;

namespace {

const Variables kVariables{{"BRANCH", "feature/login"}, {"COUNT", "7"}, {"EMPTY", ""}, {"UPPER", "ABC"},
    {"LIST", "a,b,c"}, {"not_me", "x"}, {"DOT.TED", "d"}};

} // namespace

TEST_CASE("expressions yield what expr yields")
{
    for (const auto& [expression, yields] : std::vector<std::pair<std::string, bool>>{
             {"true", true},
             {"not true", false},
             {"!!true", true},
             {"BRANCH == 'feature/login'", true},
             {"BRANCH == \"feature/login\" and COUNT != '8'", true},
             {"(BRANCH == 'x' || COUNT == '7') && EMPTY == ''", true},
             {"false and true or true", true},
             {"true or false and false", true},
             {"NONE == nil", true},
             {"NONE != 'a'", true},
             {"NONE contains 'a'", false},
             {"NONE in ['a']", false},
             {"NONE ?? 'b' == 'b'", true},
             {"(EMPTY ?? 'b') == ''", true},
             {"BRANCH contains 'log'", true},
             {"BRANCH not contains 'log'", false},
             {"BRANCH startsWith 'feature/' and BRANCH endsWith 'in'", true},
             {"BRANCH matches '^feature/[a-z]+$'", true},
             {"BRANCH not matches 'login$'", false},
             {"COUNT in ['6', '7']", true},
             {"COUNT not in ['6', '7']", false},
             {"'a' in []", false},
             {"1 in [1.0, 2]", true},
             {"int(COUNT) > 6 && int(COUNT) <= 7", true},
             {"int(COUNT) + 2 * 3 == 13", true},
             {"(int(COUNT) + 2) * 3 == 27", true},
             {"2 ** 3 ** 2 == 512", true},
             {"-2 + 3 == 1 and 7 % 4 == 3 and 7 / 2 == 3.5", true},
             {"0x10 == 16 && 1_000 == 1e3 && .5 < 1", true},
             {"'a' < 'b' && 'b' >= 'b'", true},
             {"'a' + 'b' == 'ab'", true},
             {"string(7) == COUNT and float('1.5') == 1.5", true},
             {"len(BRANCH) == 13 && len([1, 2]) == 2 && len('ü') == 1", true},
             {"lower(UPPER) == 'abc' && upper('ä') == 'Ä'", true},
             {"trim('  a ') == 'a' && trim('xax', 'x') == 'a'", true},
             {"trimPrefix(BRANCH, 'feature/') == 'login' && trimSuffix('a.b', '.b') == 'a'", true},
             {"hasPrefix(BRANCH, 'f') && hasSuffix(BRANCH, 'n') && indexOf(BRANCH, '/') == 7", true},
             {"replace('aba', 'a', 'c') == 'cbc'", true},
             {"split(LIST, ',')[1] == 'b' && split(LIST, ',')[-1] == 'c' && 'b' in split(LIST, ',')", true},
             {"BRANCH == 'x' ? false : COUNT == '7' ? true : false", true},
             {"(true ? 'a' : 'b') == 'a'", true},
             {"$env['DOT.TED'] == 'd' and $env.COUNT == '7'", true},
             {"not_me == 'x'", true},
             {"'tab\\t' == \"tab\\x09\" && '\\u00e4' == 'ä' && `\\n` == '\\\\n'", true},
             {"true // and so on", true},
             {"true /* or\nnot */ and true", true},
             {"true or int('x') == 1", true},
             {"false && NONE > 1", false},
             {"[1, 'a'] == [1, 'a']", true},
         }) {
        CAPTURE(expression);
        const auto result = evaluate(expression, kVariables);
        if (!result)
            FAIL(result.error().message());
        CHECK((*result == Runs::yes) == yields);
    }
}

TEST_CASE("an expression that is not understood is refused at its place")
{
    for (const auto& [expression, message] : std::vector<std::pair<std::string, std::string>>{
             {"", "character 1: the expression ends too early"},
             {"true and", "character 9: the expression ends too early"},
             {"true true", "character 6: \"true\" is not understood here"},
             {"(true", "character 6: \")\" is missing"},
             {"COUNT > 6", "character 7: \">\" does not take a string and a number"},
             {"COUNT == 7", "character 7: \"==\" does not take a string and a number"},
             {"NONE and true", "character 6: a boolean is needed here, not nil"},
             {"true and 'a'", "character 6: a boolean is needed here, not a string"},
             {"not COUNT", "character 1: a boolean is needed here, not a string"},
             {"COUNT", "it must yield a boolean, but yields a string"},
             {"NONE", "it must yield a boolean, but yields nil"},
             {"'a", "character 1: the text does not end"},
             {"'\\q' == ''", "character 2: the escape sequence is not known"},
             {"COUNT # 1", "character 7: this character means nothing here"},
             {"any([1], true)", "character 1: the function any() is not known"},
             {"false and any([1])", "character 11: the function any() is not known"},
             {"len() == 1", "character 1: len() does not take 0 arguments"},
             {"int('x') == 1", "character 1: the string is no integer"},
             {"[1][3] == 1", "character 4: the list has no element 3"},
             {"COUNT.x == 1", "character 6: \".\" is not supported"},
             {"1..2 == 1", "character 2: \"..\" is not supported"},
             {"COUNT | len() == 1", "character 7: \"|\" is not supported"},
             {"BRANCH matches '('", "character 8: regular expression \"(\""},
             {"true ? false", "character 13: \":\" is missing"},
             {"1 % 0 == 1", "character 3: division by zero"},
             {"1 ? true : false", "character 3: a boolean is needed here, not a number"},
             {"let x = 1; true", "character 7: this character means nothing here"},
             {"1x == 1", "character 1: \"1x\" is no number"},
             {"/* true", "character 1: the comment does not end"},
         }) {
        CAPTURE(expression);
        const auto result = evaluate(expression, kVariables);
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == slipway::Errc::invalid_input);
        CAPTURE(result.error().message());
        CHECK(result.error().message().find(message) != std::string::npos);
    }
}

TEST_CASE("an expression cannot exhaust the stack")
{
    CHECK_FALSE(evaluate(std::string(60'000, '('), {}));
    CHECK_FALSE(evaluate(std::string(60'000, '!') + "true", {}));
    CHECK_FALSE(evaluate(std::string(60'000, '['), {}));
    CHECK_FALSE(evaluate(std::string(100'000, ' ') + "true", {}));
}
