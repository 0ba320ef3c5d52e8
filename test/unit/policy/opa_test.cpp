#include "common/file.h"
#include "launcher/policy/policy_input.h"
#include "launcher/policy/run_policy.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace {

std::string opa()
{
    auto path = test::run_program({SLIPWAY_SOURCE_DIR "/test/support/build_opa.sh"});
    if (!path)
        throw std::runtime_error{path.error().message()};
    return path->substr(0, path->find('\n'));
}

std::variant<RunPolicy, Refusal> open_policy(const test::TempDir& directory, std::string_view rego)
{
    const auto file = directory.path() / "policy.rego";
    REQUIRE(replace_file(file, rego));
    return RunPolicy::open({.file = file, .opa = opa(), .deadline = 60s, .environment = {{"PATH", "/bin"}}},
        policy_input({}, "r/i:1", {}), {});
}

std::string input_of(protocol::StageKind kind, const std::string& image)
{
    protocol::Assignment a;
    a.stack_id = "web";
    a.kind = kind;
    return policy_input(a, image, {.pool = "P", .hostname = "h", .version = "v", .metadata = {}});
}

} // namespace

TEST_CASE("a Rego policy allows and denies stages by what they are")
{
    const test::TempDir directory;
    const auto opened = open_policy(directory, R"(package spacelift

sample { input.stack.id == "web" }
deny["this worker only plans"] { input.stage.kind == "write" }
deny[text] {
    not startswith(input.image, "r.example/")
    text := sprintf("the image %s is not ours", [input.image])
}
)");
    REQUIRE(std::holds_alternative<RunPolicy>(opened));
    const auto& policy = std::get<RunPolicy>(opened);
    const auto allowed = policy.evaluate(input_of(protocol::StageKind::read, "r.example/i:1"), {});
    REQUIRE(allowed);
    CHECK(allowed->denials.empty());
    CHECK(allowed->sample);
    const auto denied = policy.evaluate(input_of(protocol::StageKind::write, "evil:1"), {});
    REQUIRE(denied);
    CHECK(denied->denials
        == std::vector<std::string>{"the image evil:1 is not ours", "this worker only plans"});
}

TEST_CASE("OPA's own errors refuse a policy at the start and a stage later")
{
    const test::TempDir directory;
    const auto refused = [&](std::string_view rego, std::string_view words) {
        const auto opened = open_policy(directory, rego);
        REQUIRE(std::holds_alternative<Refusal>(opened));
        const auto& refusal = std::get<Refusal>(opened);
        INFO(refusal.message);
        CHECK(refusal.code == ExitCode::policy_unusable);
        CHECK(refusal.message.find(words) != std::string::npos);
    };
    refused("package spacelift\ndeny[x] { x := }\n", "row 2: ");
    refused("package spacelift\ndeny[x] { y == 1 }\n", "unsafe");
    refused("package other\ndeny[\"x\"] { true }\n", "no package spacelift");
    refused("package spacelift\nallow { true }\n", "no rule `deny`");
    // A call that fails in a rule: the rule would not apply, were it not for our asking strictly.
    const auto opened = open_policy(directory,
        "package spacelift\ndeny[\"x\"] { to_number(input.image) == 1 }\n"
        "deny[\"y\"] { input.image == \"r/i:1\"; false }\n");
    CHECK(std::holds_alternative<Refusal>(opened));
}
