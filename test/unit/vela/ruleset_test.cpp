#include "launcher/vela/ruleset.h"

#include <catch2/catch.hpp>

#include <functional>

using namespace slipway::vela;

namespace {

Build push_build()
{
    Build build;
    build.event = "push";
    build.branch = "main";
    build.ref = "refs/heads/main";
    build.sender = "octo";
    build.repo.full_name = "octo/hello";
    return build;
}

Container failing_rules(const std::function<void(Rules&)>& more)
{
    Container step;
    step.ruleset.when.status = {"success", "failure"};
    more(step.ruleset.when);
    return step;
}

bool runs(const Container& step, const Build& build, std::string_view status)
{
    const auto result = should_run(step, build, status);
    if (!result)
        FAIL(result.error().message());
    return *result == Runs::yes;
}

} // namespace

TEST_CASE("without a rule on the status a step runs unless the build failed")
{
    Container step;
    step.ruleset.when.branch = {"other"}; // was applied when the pipeline was compiled
    for (const auto& [status, expected] : std::vector<std::pair<std::string, bool>>{
             {"running", true}, {"pending", true}, {"success", true}, {"failure", false}, {"error", false}}) {
        CAPTURE(status);
        CHECK(runs(step, push_build(), status) == expected);
    }
}

TEST_CASE("rules on the status decide, and running is success")
{
    Container step;
    step.ruleset.when.status = {"failure"};
    CHECK_FALSE(runs(step, push_build(), "running"));
    CHECK(runs(step, push_build(), "failure"));

    step.ruleset.when.status = {"success"};
    CHECK(runs(step, push_build(), "running"));
    CHECK_FALSE(runs(step, push_build(), "failure"));

    step.ruleset.when.status.clear();
    step.ruleset.unless.status = {"failure"};
    CHECK(runs(step, push_build(), "running"));
    CHECK_FALSE(runs(step, push_build(), "failure"));
    CHECK(runs(step, push_build(), "error"));
}

TEST_CASE("each kind of rule is held against what is known while a build runs")
{
    const auto with = [](const std::function<void(Rules&)>& more) { return failing_rules(more); };
    Build build = push_build();
    CHECK(runs(with([](Rules& r) { r.branch = {"x", "ma*"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.branch = {"x"}; }), build, "failure"));
    CHECK(runs(with([](Rules& r) { r.event = {"push"}; }), build, "failure"));
    CHECK(runs(with([](Rules& r) { r.repo = {"octo/*"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.sender = {"octo"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.path = {"*"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.label = {"*"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.comment = {"go"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.instance = {"http://vela"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.tag = {"v1"}; }), build, "failure"));

    build.event = "pull_request";
    build.event_action = "opened";
    CHECK(runs(with([](Rules& r) { r.event = {"pull_request:opened"}; }), build, "failure"));
    CHECK_FALSE(runs(with([](Rules& r) { r.event = {"pull_request"}; }), build, "failure"));

    build = push_build();
    build.event = "tag";
    build.ref = "refs/tags/v1.2";
    CHECK(runs(with([](Rules& r) { r.tag = {"v*"}; }), build, "failure"));

    build.event = "deployment";
    build.event_action = "created";
    build.deploy = "production";
    CHECK(runs(with([](Rules& r) {
        r.tag = {"v1.2"};
        r.target = {"prod*"};
    }),
        build, "failure"));
    build.event = "push";
    CHECK_FALSE(runs(with([](Rules& r) { r.target = {"prod*"}; }), build, "failure"));
}

TEST_CASE("or takes any rule, and everything else all of them")
{
    const auto both = [](const std::string& op, const std::string& branch, const std::string& event) {
        return failing_rules([&](Rules& rules) {
            rules.status = {"failure"};
            rules.branch = {branch};
            rules.event = {event};
            rules.op = op;
        });
    };
    CHECK(runs(both("and", "main", "push"), push_build(), "failure"));
    CHECK_FALSE(runs(both("and", "main", "tag"), push_build(), "failure"));
    CHECK_FALSE(runs(both("", "main", "tag"), push_build(), "failure"));
    CHECK(runs(both("or", "main", "tag"), push_build(), "running"));
    CHECK(runs(both("or", "x", "tag"), push_build(), "failure"));
    CHECK_FALSE(runs(both("or", "x", "tag"), push_build(), "running"));
}

TEST_CASE("unless goes before if")
{
    Container step;
    step.ruleset.when.status = {"failure"};
    step.ruleset.unless.branch = {"release/*"};
    Build build = push_build();
    CHECK(runs(step, build, "failure"));
    build.branch = "release/1";
    CHECK_FALSE(runs(step, build, "failure"));
}

TEST_CASE("regular expressions are searched for anywhere")
{
    const auto with = [](const std::string& matcher, const std::string& pattern) {
        return failing_rules([&](Rules& rules) {
            rules.matcher = matcher;
            rules.branch = {pattern};
        });
    };
    CHECK_FALSE(runs(with("regexp", "a.k"), push_build(), "failure"));
    CHECK(runs(with("regexp", "ain|x"), push_build(), "failure"));
    CHECK(runs(with("regex", "^ma"), push_build(), "failure"));
    CHECK_FALSE(runs(with("filepath", "^ma"), push_build(), "failure"));
}

TEST_CASE("an expression sees the variables of the step")
{
    Container step;
    step.environment = {{"COLOR", "blue"}};
    step.ruleset.when.status = {"success", "failure"};
    step.ruleset.when.eval = "COLOR == 'blue'";
    CHECK(runs(step, push_build(), "running"));
    step.environment["COLOR"] = "red";
    CHECK_FALSE(runs(step, push_build(), "running"));
}

TEST_CASE("a malformed rule is an error that names it")
{
    for (const auto& [change, message] : std::vector<std::pair<std::function<void(Rules&)>, std::string>>{
             {[](Rules& r) { r.branch = {"["}; }, "ruleset: if: branch: \"[\": syntax error in pattern"},
             {[](Rules& r) {
                  r.tag = {"("};
                  r.matcher = "regexp";
              },
                 "ruleset: if: tag: regular expression \"(\""},
             {[](Rules& r) { r.eval = "1 +"; }, "ruleset: if: eval: expression, character 4"},
         }) {
        const auto result = should_run(failing_rules(change), push_build(), "failure");
        REQUIRE_FALSE(result);
        CAPTURE(result.error().message());
        CHECK(result.error().message().find(message) == 0);
    }
}
