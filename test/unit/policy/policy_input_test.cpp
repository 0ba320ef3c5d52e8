#include "common/json.h"
#include "launcher/policy/policy_input.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;

TEST_CASE("a policy sees what a stage is, and no value of a variable or a file")
{
    protocol::Assignment a;
    a.stage_id = "S";
    a.run_id = "R";
    a.stack_id = "web";
    a.stage_name = "apply";
    a.run_type = "TRACKED";
    a.kind = protocol::StageKind::write;
    a.safety = protocol::SafetyClass::proposed;
    a.image_id = "r/i@sha256:x";
    a.git_url = "https://git.example/web";
    a.git_ref = "main";
    a.phases = {{.name = "apply", .before = {"b"}, .commands = {"c", "d"}, .after = {}}};
    a.after_run = {"last"};
    a.variables
        = {{.name = "PLAIN", .value = "hidden"}, {.name = "SEALED", .value = "hidden", .sealed = true}};
    a.files = {{.path = "f", .content = "hidden"}};
    const auto input = policy_input(
        a, "r/i:1", {.pool = "P", .hostname = "h", .version = "v", .metadata = {{"team", "core"}}});
    CHECK(input
        == R"({"run":{"id":"R","type":"TRACKED"},"stack":{"id":"web"},)"
           R"("source":{"git_url":"https://git.example/web","git_ref":"main","git_commit":""},)"
           R"("stage":{"id":"S","name":"apply","kind":"write","safety":"proposed","project_root":""},)"
           R"("image":"r/i:1","image_id":"r/i@sha256:x",)"
           R"("phases":[{"name":"apply","before":["b"],"commands":["c","d"],"after":[]}],"after_run":["last"],)"
           R"("environment":[{"name":"PLAIN","secret":false},{"name":"SEALED","secret":true}],)"
           R"("files":[{"path":"f","secret":false}],)"
           R"("worker":{"pool":"P","hostname":"h","version":"v","metadata":{"team":"core"}}})");
    CHECK(JsonDocument::parse(input));
}
