#include "mothership/model.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;

namespace {

std::string refusal(std::string_view json)
{
    const auto spec = read_stack_spec(json);
    return spec ? std::string{} : spec.error().message();
}

} // namespace

TEST_CASE("a stack's specification reads back as it was written")
{
    StackSpec spec;
    spec.runner_image = "runner:1";
    spec.project_root = "a/b";
    spec.autodeploy = true;
    spec.phases = {{"plan", {"x", "y"}}, {"apply", {"z"}}};
    spec.hooks = {{"before_plan", {"h"}}, {"after_run", {"r"}}};
    spec.environment = {{"A", "1"}, {"B", ""}};
    const auto read = read_stack_spec(to_json(spec));
    REQUIRE(read);
    CHECK(read->runner_image == spec.runner_image);
    CHECK(read->project_root == spec.project_root);
    CHECK(read->autodeploy);
    CHECK(read->phases == spec.phases);
    CHECK(read->hooks == spec.hooks);
    CHECK(read->environment == spec.environment);
}

TEST_CASE("what a stack cannot run is refused with the place where it stands")
{
    CHECK(refusal(R"({"phases":{"pln":["x"]}})").find("$.phases.pln") != std::string::npos);
    CHECK(refusal(R"({"phases":{"plan":"x"}})").find("$.phases.plan") != std::string::npos);
    CHECK(refusal(R"({"phases":{"plan":[""]}})").find("plan") != std::string::npos);
    CHECK(refusal(R"({"hooks":{"before":["x"]}})").find("$.hooks.before") != std::string::npos);
    CHECK(refusal(R"({"environment":{"A=B":"x"}})").find("environment") != std::string::npos);
    CHECK(refusal(R"({"project_root":"../x"})").find("project_root") != std::string::npos);
    CHECK(refusal(R"({"project_root":"/x"})").find("project_root") != std::string::npos);
    CHECK(refusal(R"({"project_root":"a/../../x"})").find("project_root") != std::string::npos);
    CHECK(refusal(R"({"runner_image":"a b"})").find("runner_image") != std::string::npos);
    CHECK(refusal(R"({"workflow":"pulumi"})").find("$.workflow") != std::string::npos);
    CHECK(refusal(R"({"manage_state":true})").find("$.manage_state") != std::string::npos);
    CHECK(refusal(R"({"unknown":1})").empty());
}

TEST_CASE("a specification is measured as it is stored, and whatever passes reads back")
{
    StackSpec spec;
    spec.phases = {{"plan", {std::string(170'000, '\x01')}}}; // six bytes each
    REQUIRE(check_size(spec));
    CHECK(read_stack_spec(to_json(spec)));
    spec.hooks = {{"after_run", {std::string(10'000, '\x01')}}};
    const auto refused = check_size(spec);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::exhausted);
    CHECK(refused.error().message().find("1048576") != std::string::npos);
    spec.phases["apply"] = {std::string(4 * 1024 * 1024, 'x')};
    CHECK(read_stack_spec(to_json(spec)));
}

TEST_CASE("a slug is made of what a name has of letters and digits")
{
    CHECK(slug_of("Web") == "web");
    CHECK(slug_of("  My  Stack (prod) ") == "my-stack-prod");
    CHECK(slug_of("../../etc/passwd") == "etc-passwd");
    CHECK(slug_of("---").empty());
    CHECK(slug_of("").empty());
    CHECK(slug_of(std::string(500, 'a')).size() == 64);
}
