#include "test/integration/mothership_scene.h"

#include <signal.h>

#include <future>

using namespace slipway;
using namespace slipway::test;
using protocol::Outcome;
using protocol::StageEvent;

namespace {

constexpr const char* kPoll = R"({"held":[],"free_places":1,"wait_ms":0})";

} // namespace

TEST_CASE("two launchers with one instance are found out, named and both refused")
{
    Scene scene;
    ScriptedWorker copy{scene.server, scene.pool, kInstance};
    scene.worker.process = "p1";
    scene.worker.hostname = "first.example";
    copy.process = "p2";
    copy.hostname = "second.example";
    const std::string boot = GENERATE(as<std::string>{}, "boot-1", "boot-2");
    Answer answer;
    for (int turn = 0; answer.status != 403; ++turn) {
        REQUIRE(turn < 10);
        answer = turn % 2 == 0 ? scene.worker.enroll() : copy.enroll(boot);
        REQUIRE((answer.status == 200 || answer.status == 403));
    }
    CHECK(answer.text("code") == "clone");
    CHECK(answer.text("detail").find("first.example (boot boot-1)") != std::string::npos);
    CHECK(answer.text("detail").find("second.example (boot " + boot + ")") != std::string::npos);
    CHECK(answer.text("detail").find("remove the file `instance`") != std::string::npos);
    for (auto* one : {&scene.worker, &copy}) {
        CHECK(one->call("POST", "/worker/v1/poll", kPoll).status == 401);
        CHECK(one->enroll(one == &copy ? boot : "boot-1").status == 403);
    }
}

TEST_CASE("a copy on another host does not end the apply of a worker that is heard of")
{
    Scene scene;
    const auto apply = scene.reach_apply();
    scene.begin(apply);
    ScriptedWorker copy{scene.server, scene.pool, kInstance};
    copy.hostname = "second.example";
    const auto refused = copy.enroll("boot-2");
    CHECK(refused.status == 503);
    CHECK(refused.text("code") == "at_work");
    CHECK(refused.text("detail").find("host (boot boot-1)") != std::string::npos);
    CHECK(scene.state(apply.run_id) == "APPLYING");
    CHECK(scene.worker.poll(0, 0, {{.stage_id = apply.stage_id, .fence = apply.fence, .started = true}})
              .renewed.size()
        == 1);
    CHECK(scene.worker.enroll().status == 200);
}

TEST_CASE("what an offer names is given to its worker before it is accepted")
{
    Scene scene;
    auto& worker = scene.worker;
    scene.server.start_run("web");
    const auto offer = worker.take_offer();
    const auto early = worker.get(offer, offer.source_blob);
    REQUIRE(early.status == 200);
    CHECK(early.body.find("main.conf") == 0);
    CHECK(worker.get(offer, "other").status == 404);
    CHECK(worker.put(offer, "workspace", "x").status == 410);
    ScriptedWorker other{scene.server, scene.pool, "01ARZ3NDEKTSV4RRFFQ69G5FBW"};
    REQUIRE(other.enroll().status == 200);
    CHECK(other.get(offer, offer.source_blob).status == 410);
    // It was read for nobody's sake: the offer still waits for its accept, and nobody has lost it.
    CHECK(scene.state(offer.run_id) == "READY");
    CHECK(worker.accept(offer).status == 200);
    CHECK(worker.get(offer, offer.source_blob).body == early.body);
}

TEST_CASE("an older poll that waits gets nothing after a newer one has drained the worker")
{
    Scene scene;
    ScriptedWorker newer{scene.server, scene.pool, kInstance};
    newer.session = scene.worker.session;
    auto waiting = std::async(std::launch::async, [&] { return scene.worker.poll(1'500); });
    REQUIRE(
        newer.call("POST", "/worker/v1/poll", R"({"held":[],"free_places":1,"draining":true,"wait_ms":0})")
            .status
        == 200);
    scene.server.start_run("web");
    CHECK(waiting.get().offers.empty());
    CHECK(scene.worker.poll().offers.empty());
    REQUIRE(scene.worker.enroll().status == 200);
    CHECK(scene.worker.poll().offers.size() == 1);
}

TEST_CASE("a stage that a restored store does not know goes on, and nothing of it is thrown away")
{
    Scene scene;
    auto& worker = scene.worker;
    const auto database = scene.server.data() / "slipway.db";
    const auto kept = scene.server.directory() / "kept.db";
    scene.server.process().signal(SIGTERM);
    REQUIRE(scene.server.process().wait(std::chrono::seconds{20}));
    std::filesystem::copy_file(database, kept);
    scene.server.start();
    worker.reconnect(scene.server);
    const auto run = scene.server.start_run("web");
    const auto plan = worker.take_offer();
    scene.begin(plan);
    scene.server.kill();
    std::filesystem::remove(scene.server.data() / "slipway.db-wal");
    std::filesystem::remove(scene.server.data() / "slipway.db-shm");
    std::filesystem::copy_file(kept, database, std::filesystem::copy_options::overwrite_existing);
    scene.server.start();
    worker.reconnect(scene.server);
    const auto answer
        = worker.poll(0, 0, {{.stage_id = plan.stage_id, .fence = plan.fence, .started = true}});
    CHECK(answer.renewed.size() == 1);
    CHECK(answer.gone.empty());
    CHECK(worker.log(plan, 0, "x").status == 503);
    CHECK(worker.log(plan, 0, "x").text("code") == "forgotten");
    CHECK(worker.report(plan, {.event = StageEvent::finished, .outcome = Outcome::failed}).status == 503);
    CHECK(worker.accept(plan).status == 410);
    auto other = plan;
    other.fence = {2, 1};
    CHECK(worker.log(other, 0, "x").status == 410);
    CHECK(scene.server.api("GET", "/api/v1/runs/" + run).status == 404);
}

TEST_CASE("only what is held is released, and only what a worker has is declared lost")
{
    Scene scene;
    const auto run = scene.server.start_run("web");
    CHECK(scene.server.api("POST", "/api/v1/runs/" + run + "/release").status == 409);
    CHECK(scene.server.api("POST", "/api/v1/runs/" + run + "/declare-lost").status == 409);
    const auto plan = scene.worker.take_offer();
    scene.begin(plan);
    CHECK(scene.server.api("GET", "/api/v1/runs/" + run).body.find("\"held\":false") != std::string::npos);
    CHECK(scene.server.api("POST", "/api/v1/runs/" + run + "/declare-lost").status == 200);
    CHECK(scene.worker.log(plan, 0, "x").status == 410);
    CHECK(scene.state(run) == "READY");
}
