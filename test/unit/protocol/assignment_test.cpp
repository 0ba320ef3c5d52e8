#include "common/protocol/assignment.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::protocol;

namespace {

const std::string kId = "01JABCDEFGHJKMNPQRSTVWXYZ0";

Assignment full()
{
    Assignment a;
    a.stage_id = a.run_id = a.pool_id = kId;
    a.stack_id = "network";
    a.stage_name = "apply";
    a.run_type = "TRACKED";
    a.kind = StageKind::write;
    a.fence = {2, 3};
    a.safety = SafetyClass::proposed;
    a.image = "registry.example/runner:1";
    a.image_id = "sha256:aa";
    a.phases
        = {{"init", {"true"}, {"tofu init", "echo 'x'"}, {}}, {"apply", {}, {"tofu apply"}, {"env"}, true}};
    a.after_run = {"rm -f x"};
    a.variables = {{"A", "plain\n", false, false}, {"B", "c2VhbGVk", true, true}, {"C", "", false, true}};
    a.files = {{"dir/file", "aGk=", "", false, 0600}, {"x", "", "file-1", true, 0}};
    a.limits = {.run = 1, .silence = 2, .memory_bytes = 3, .nano_cpus = 4, .pids = 5};
    a.source_blob = "source";
    a.git_url = "ssh://git@git.example/infra.git";
    a.git_ref = "main";
    a.git_commit = std::string(40, 'a');
    a.workspace_in = "workspace-1";
    a.workspace_fence = {2, 1};
    a.workspace_maker = kId;
    a.workflow = "opentofu";
    a.manage_state = true;
    a.state_in = "state-1";
    a.state_fence = {1, 7};
    a.state_maker = kId;
    a.keep_workspace = true;
    a.project_root = "infra";
    a.debug = true;
    return a;
}

std::string text_of(const Assignment& assignment)
{
    JsonWriter json;
    write(json, assignment);
    return json.take();
}

Result<Assignment> read(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = kMaxAssignmentBytes}));
    return read_assignment(document.root());
}

/// Why the full assignment is refused when `what` in its JSON is `by`.
std::string refusal(std::string_view what, std::string_view by)
{
    std::string text = text_of(full());
    const auto place = text.find(what);
    REQUIRE(place != std::string::npos);
    const auto result = read(text.replace(place, what.size(), by));
    return result ? "" : result.error().message();
}

} // namespace

TEST_CASE("an assignment is read as it was written")
{
    const auto back = read(text_of(full()));
    REQUIRE(back);
    CHECK(text_of(*back) == text_of(full()));
    CHECK(back->fence == Fence{2, 3});
    CHECK(back->phases.at(1).after.at(0) == "env");
    CHECK(back->variables.at(0).value == "plain\n");
    CHECK(back->files.at(0).mode == 0600);
    CHECK(back->limits.pids == 5);
    CHECK(back->workspace_fence == Fence{2, 1});
}

TEST_CASE("an assignment of a newer version is read, one without its safety class counts as proposed")
{
    CHECK(refusal("{\"stage_id\"", "{\"newer\":{},\"stage_id\"").empty());
    std::string text = text_of(full());
    const std::string_view safety = "\"safety\":\"proposed\",";
    text.erase(text.find(safety), safety.size());
    const auto back = read(text);
    REQUIRE(back);
    CHECK(back->safety == SafetyClass::proposed);
}

TEST_CASE("a sealed variable is secret whatever the text says")
{
    CHECK(refusal("\"sealed\":true,\"secret\":true", "\"sealed\":true,\"secret\":false").empty());
    std::string text = text_of(full());
    const std::string_view claim = "\"sealed\":true,\"secret\":true";
    text.replace(text.find(claim), claim.size(), "\"sealed\":true,\"secret\":false");
    const auto back = read(text);
    REQUIRE(back);
    CHECK(back->variables.at(1).secret);
}

TEST_CASE("what would become a path, a process environment or another meaning is refused with its place")
{
    CHECK(refusal("\"kind\":\"write\"", "\"kind\":\"delete\"") == "$.kind: \"delete\" is unknown");
    CHECK(refusal("\"safety\":\"proposed\"", "\"safety\":\"any\"") == "$.safety: \"any\" is unknown");
    CHECK(refusal("\"stage_id\":\"01J", "\"stage_id\":\"../") == "$.stage_id: expected a ULID");
    CHECK(refusal("\"stage_name\":\"apply\"", "\"stage_name\":\"a/b\"")
        == "$.stage_name: expected a plain name");
    CHECK(refusal("\"source_blob\":\"source\"", "\"source_blob\":\"..\"")
        == "$.source_blob: expected a plain name");
    CHECK(
        refusal("\"workspace_in\":\"workspace-1\"", "\"workspace_in\":\"a b\"").find("$.workspace_in") == 0);
    CHECK(refusal("\"name\":\"A\"", "\"name\":\"A=B\"") == "$.variables[0].name: not a name of a variable");
    CHECK(refusal("\"name\":\"A\"", "\"name\":\"\"") == "$.variables[0].name: not a name of a variable");
    CHECK(refusal("\"name\":\"A\"", "\"name\":\"A\\u0000\"")
        == "$.variables[0].name: not a name of a variable");
    CHECK(refusal("plain", "pl\\u0000in") == "$.variables[0].value: holds a NUL byte");
    CHECK(refusal("\"mode\":384", "\"mode\":2541").find("$.files[0].mode") == 0);
    CHECK(refusal("\"run_ms\":1", "\"run_ms\":-1").find("$.limits.run_ms") == 0);
    CHECK(refusal("\"phases\":[", "\"phases\":[7,").find("$.phases[0]") == 0);
    CHECK(refusal("\"commands\":[", "\"commands\":[7,").find("$.phases[0].commands[0]") == 0);
    CHECK(refusal("\"limits\":{", "\"limits\":[],\"x\":{").find("$.limits") == 0);
    CHECK(refusal("\"fence\":8589934595", "\"fence\":0").find("$.fence") == 0);
}
