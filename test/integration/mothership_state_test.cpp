#include "test/integration/mothership_scene.h"

using namespace slipway;
using namespace slipway::test;
using protocol::Outcome;
using protocol::StageEvent;

namespace {

void manage_state(Scene& scene)
{
    REQUIRE(scene.server.api("PATCH", "/api/v1/stacks/web", R"({"workflow":"opentofu","manage_state":true})")
                .status
        == 200);
}

void finish(Scene& scene, const protocol::Assignment& stage)
{
    REQUIRE(scene.worker
                .report(stage, {.event = StageEvent::finished, .outcome = Outcome::succeeded, .exit_code = 0})
                .status
        == 200);
}

} // namespace

TEST_CASE("a state that a write stage uploads becomes a version, which later runs and people get")
{
    Scene scene;
    manage_state(scene);
    const auto apply = scene.reach_apply();
    CHECK(apply.manage_state);
    CHECK(apply.state_in.empty());
    scene.begin(apply);
    CHECK(scene.worker.put(apply, "state", "envelope 1").status == 200);
    CHECK(scene.worker.put(apply, "state", "envelope 2").status == 200);
    const auto list = scene.server.api("GET", "/api/v1/stacks/web/states").body;
    CHECK(list.find(R"("version":2)") < list.find(R"("version":1)"));
    CHECK(list.find(apply.stage_id) != std::string::npos);
    CHECK(
        scene.server.api("GET", "/api/v1/stacks/web/states/1").body.find("envelope 1") != std::string::npos);
    CHECK(scene.server.api("GET", "/api/v1/stacks/web/states/3").status == 404);
    CHECK(scene.server.api("GET", "/api/v1/stacks/web/states/x").status == 404);
    // The run has the stack's lock until its end.
    CHECK(scene.server.api("POST", "/api/v1/stacks/web/states/1/rollback", "{}").status == 409);
    finish(scene, apply);
    CHECK(scene.server.api("POST", "/api/v1/stacks/web/states/1/rollback", "{}").number("version") == 3);

    scene.server.start_run("web");
    const auto plan = scene.worker.take_offer();
    CHECK(plan.state_in == "state-3");
    CHECK(plan.state_maker == apply.stage_id);
    CHECK(plan.state_fence == apply.fence);
    scene.begin(plan);
    CHECK(scene.worker.get(plan, "state-3").body.find("envelope 1") != std::string::npos);
    CHECK(scene.worker.get(plan, "state-4").status == 404);
}

TEST_CASE("a state is taken from a grant that counts, of a stage that writes, of a stack that has it kept")
{
    Scene scene;
    const auto unmanaged = scene.reach_apply();
    scene.begin(unmanaged);
    CHECK(scene.worker.put(unmanaged, "state", "envelope").status == 400);
    CHECK(scene.worker.get(unmanaged, "state-1").status == 404);
    finish(scene, unmanaged);
    manage_state(scene);
    scene.server.start_run("web");
    auto plan = scene.worker.take_offer();
    scene.begin(plan);
    CHECK(scene.worker.put(plan, "state", "envelope").status == 400);
    plan.fence.number -= 1; // an older grant
    CHECK(scene.worker.put(plan, "state", "envelope").status != 200);
    CHECK(scene.server.api("GET", "/api/v1/stacks/web/states").body.find("version") == std::string::npos);
}

TEST_CASE("a mounted file reaches the stages of later runs, and bad ones are refused with words")
{
    Scene scene;
    const std::string files = "/api/v1/stacks/web/files?path=";
    REQUIRE(scene.server.api("PUT", files + "conf%2Fa&mode=600", "content").status == 200);
    scene.server.start_run("web");
    const auto plan = scene.worker.take_offer();
    REQUIRE(plan.files.size() == 1);
    CHECK(plan.files[0].path == "conf/a");
    CHECK(plan.files[0].mode == 0600);
    CHECK_FALSE(plan.files[0].sealed);
    scene.begin(plan);
    CHECK(scene.worker.get(plan, plan.files[0].blob).body.find("content") != std::string::npos);
    CHECK(scene.worker.get(plan, "file-999").status == 404);

    for (const std::string path : {"..%2Fa", "%2Fetc%2Fpasswd", "", "a%2F"})
        CHECK(scene.server.api("PUT", files + path, "x").status == 400);
    CHECK(scene.server.api("PUT", files + "a&mode=9", "x").status == 400);
    CHECK(scene.server.api("PUT", files + "a", std::string(2 * 1024 * 1024 + 1, 'x')).status == 413);
    CHECK(scene.server.api("PUT", files + "a&sealed=true", "no envelope").status == 400);
    CHECK(scene.server.api("DELETE", files + "b").status == 404);
    CHECK(scene.server.api("DELETE", files + "conf%2Fa").status == 200);
    CHECK(scene.worker.get(plan, plan.files[0].blob).status == 200); // the run was made with it
}

TEST_CASE("what a task and a rescue leave is found under their run")
{
    Scene scene;
    const auto api
        = [&](const std::string& body) { return scene.server.api("POST", "/api/v1/stacks/web/runs", body); };
    CHECK(api(R"({"type":"TASK"})").status == 400);
    CHECK(api(R"({"type":"TRACKED","command":"x"})").status == 400);
    CHECK(api(R"({"type":"TESTING"})").status == 409);
    CHECK(api(R"({"type":"PARSE"})").status == 400);
    CHECK(api(R"({"type":"DESTROY"})").status == 409);
    const auto made = api(R"({"type":"TASK","command":"tofu state list"})");
    REQUIRE(made.status == 201);
    CHECK(made.text("command") == "tofu state list");
    const auto task = scene.worker.take_offer();
    CHECK(task.kind == protocol::StageKind::write);
    REQUIRE(task.phases.size() == 1);
    CHECK(task.phases[0].commands == std::vector<std::string>{"tofu state list"});
    const std::string run = "/api/v1/runs/" + made.text("id");
    CHECK(scene.server.api("GET", run + "/rescue").status == 404);
    scene.begin(task);
    CHECK(scene.worker.put(task, "rescue", "sealed rescue").status == 200);
    finish(scene, task);
    CHECK(scene.server.api("GET", run + "/rescue").body.find("sealed rescue") != std::string::npos);
    CHECK(scene.server.api("GET", run).text("state") == "FINISHED");
}

TEST_CASE("sources are pushed or in git, and a URL with a password is refused without being repeated")
{
    Scene scene;
    const auto set
        = [&](const std::string& body) { return scene.server.api("PATCH", "/api/v1/stacks/web", body); };
    const auto refused = set(R"({"git_url":"https://bob:hunter2@git.example/a"})");
    CHECK(refused.status == 400);
    CHECK(refused.body.find("GIT_PASSWORD") != std::string::npos);
    CHECK(refused.body.find("hunter2") == std::string::npos);
    CHECK(set(R"({"git_url":"ext::sh -c id"})").status == 400);
    CHECK(set(R"({"git_url":"https://git.example/a","git_ref":"--upload-pack=id"})").status == 400);
    CHECK(set(R"({"git_ref":"main"})").status == 400);
    REQUIRE(set(R"({"git_url":"https://git.example/a","git_ref":"main"})").status == 200);
    CHECK(scene.server.api("PUT", "/api/v1/stacks/web/source", std::string(1024, '\0')).status == 409);
    const auto run = scene.server.start_run("web");
    const auto plan = scene.worker.take_offer();
    CHECK(plan.git_url == "https://git.example/a");
    CHECK(plan.source_blob.empty());
    REQUIRE(scene.worker.accept(plan).status == 200);
    REQUIRE(scene.worker.report(plan, {.event = StageEvent::started}).status == 200);
    const std::string commit(40, 'a');
    CHECK(scene.worker.report(plan, {.event = StageEvent::phase, .phase = "plan", .commit = "main"}).status
        == 400);
    CHECK(scene.worker.report(plan, {.event = StageEvent::phase, .phase = "plan", .commit = commit}).status
        == 200);
    CHECK(scene.server.api("GET", "/api/v1/runs/" + run).text("commit") == commit);
    CHECK(set(R"({"git_url":"","git_ref":""})").status == 200);
    CHECK(scene.server.api("PUT", "/api/v1/stacks/web/source", std::string(1024, '\0')).status == 200);
}

TEST_CASE("outputs of an apply are found under their run, and there are none before")
{
    Scene scene;
    const auto apply = scene.reach_apply();
    const std::string outputs = "/api/v1/runs/" + apply.run_id + "/outputs";
    CHECK(scene.server.api("GET", outputs).body.find("/mnt/workspace/outputs.json") != std::string::npos);
    scene.begin(apply);
    REQUIRE(scene.worker.put(apply, "outputs", R"({"a":{"value":1}})").status == 200);
    REQUIRE(scene.worker.put(apply, "outputs-sealed", "an envelope").status == 200);
    finish(scene, apply);
    CHECK(scene.server.api("GET", outputs).body.find(R"({"a":{"value":1}})") != std::string::npos);
    CHECK(scene.server.api("GET", outputs + "/sealed").body.find("an envelope") != std::string::npos);
}
