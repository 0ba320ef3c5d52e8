#include "common/file.h"
#include "test/integration/mothership_scene.h"

#include <signal.h>

#include <future>
#include <thread>

using namespace slipway;
using namespace slipway::test;
using protocol::Outcome;
using protocol::StageEvent;

namespace {

std::int64_t last_seen_ms(Scene& scene)
{
    const auto body = scene.server.api("GET", "/api/v1/workers").body;
    const auto at = body.find("\"last_seen_ms\":");
    REQUIRE(at != std::string::npos);
    return std::stoll(body.substr(at + 15));
}

/// A long poll of the worker that the server has taken up.
std::future<protocol::PollResponse> begin_waiting(
    Scene& scene, int places = 1, const std::vector<protocol::HeldStage>& held = {})
{
    const auto before = last_seen_ms(scene);
    const auto passed = [&](std::int64_t ms) {
        return std::chrono::system_clock::now()
            > std::chrono::system_clock::time_point{std::chrono::milliseconds{ms + 1}};
    };
    while (!passed(before))
        std::this_thread::yield();
    auto waiting = std::async(
        std::launch::async, [&scene, places, held] { return scene.worker.poll(20'000, places, held); });
    while (last_seen_ms(scene) == before)
        std::this_thread::yield();
    return waiting;
}

void decline(ScriptedWorker& worker, const protocol::Assignment& offer)
{
    REQUIRE(
        worker
            .call("POST", "/worker/v1/stages/" + offer.stage_id + "/decline",
                protocol::to_json(protocol::DeclineRequest{.fence = offer.fence, .reason = "disk is full"}))
            .status
        == 204);
}

} // namespace

TEST_CASE("a worker takes a run from plan over the confirmation to the end of its apply")
{
    Scene scene;
    auto& worker = scene.worker;
    const auto run = scene.server.start_run("web");
    const auto plan = worker.take_offer();
    CHECK(plan.kind == protocol::StageKind::read);
    CHECK(plan.keep_workspace);
    CHECK(plan.variables.at(0).name == "A");
    scene.begin(plan);
    const auto source = worker.get(plan, plan.source_blob);
    REQUIRE(source.status == 200);
    CHECK(source.body.find("main.conf") == 0);
    CHECK(worker.log(plan, 0, "planned\n").number("durable") == 8);
    const std::string envelope(300'000, 'e');
    CHECK(worker.put(plan, "workspace", envelope).status == 200);
    CHECK(worker
              .report(plan,
                  {.event = StageEvent::finished,
                      .outcome = Outcome::succeeded,
                      .exit_code = 0,
                      .cause = "exit",
                      .workspace = "workspace",
                      .log_end = 8})
              .status
        == 200);
    CHECK(scene.state(run) == "UNCONFIRMED");
    CHECK(worker.poll().offers.empty());

    CHECK(scene.server.api("POST", "/api/v1/runs/" + run + "/confirm").text("state") == "CONFIRMED");
    const auto apply = worker.take_offer();
    CHECK(apply.kind == protocol::StageKind::write);
    CHECK(apply.image_id == "sha256:image");
    scene.begin(apply);
    CHECK(worker.get(apply, apply.workspace_in).body == envelope);
    CHECK(worker.get(apply, "source-1.tar").status == 404);
    CHECK(worker.get(apply, "other").status == 404);
    CHECK(worker.log(apply, 0, "applied\n").status == 200);
    CHECK(
        worker
            .report(apply,
                {.event = StageEvent::finished, .outcome = Outcome::succeeded, .exit_code = 0, .log_end = 8})
            .status
        == 200);
    CHECK(scene.state(run) == "FINISHED");
    const auto log = scene.server.api("GET", "/api/v1/runs/" + run + "/logs?offset=3");
    CHECK(log.body == "nned\napplied\n");
    CHECK(log.next_offset == "16");
    CHECK(log.complete == "true");
}

TEST_CASE("log bytes arrive once, whatever is repeated, overlaps or comes too early")
{
    Scene scene;
    auto& worker = scene.worker;
    const auto run = scene.server.start_run("web");
    const auto plan = worker.take_offer();
    scene.begin(plan);
    CHECK(worker.log(plan, 0, "abcdef").number("durable") == 6);
    CHECK(worker.log(plan, 0, "abcdef").number("durable") == 6);
    CHECK(worker.log(plan, 4, "efgh").number("durable") == 8);
    CHECK(worker.log(plan, 2, "cd").number("durable") == 8);
    const auto ahead = worker.log(plan, 9, "x");
    CHECK(ahead.status == 409);
    CHECK(ahead.number("durable") == 8);
    CHECK(ahead.number("expected") == 8);
    CHECK(worker.log(plan, 0, "ABCDEFGHij").number("durable") == 10);
    const auto early = worker.report(plan,
        {.event = StageEvent::finished,
            .outcome = Outcome::failed,
            .exit_code = 1,
            .cause = "exit",
            .log_end = 11});
    CHECK(early.status == 409);
    CHECK(early.number("expected") == 10);
    CHECK(scene.state(run) == "PLANNING");
    CHECK(worker.log(plan, 10, "k").number("durable") == 11);
    CHECK(worker
              .report(plan,
                  {.event = StageEvent::finished,
                      .outcome = Outcome::failed,
                      .exit_code = 1,
                      .cause = "exit",
                      .log_end = 11})
              .status
        == 200);
    CHECK(scene.state(run) == "FAILED");
    CHECK(scene.server.api("GET", "/api/v1/runs/" + run + "/logs").body == "abcdefghijk");
    CHECK(worker.log(plan, 11, "late").status == 410);
}

TEST_CASE("a grant that is not the newest any more is gone for every call")
{
    Scene scene;
    auto& worker = scene.worker;
    scene.server.start_run("web");
    const auto old = worker.take_offer();
    scene.begin(old);
    REQUIRE(worker.enroll("boot-2").status == 200);
    const auto fresh = worker.take_offer();
    CHECK(fresh.stage_id == old.stage_id);
    CHECK(fresh.fence > old.fence);
    CHECK(worker.accept(old).status == 410);
    CHECK(worker.log(old, 0, "x").status == 410);
    CHECK(worker.put(old, "workspace", "x").status == 410);
    CHECK(worker.get(old, old.source_blob).status == 410);
    CHECK(worker.report(old, {.event = StageEvent::started}).status == 410);
    const auto answer = worker.poll(0, 0, {{.stage_id = old.stage_id, .fence = old.fence, .started = true}});
    REQUIRE(answer.gone.size() == 1);
    CHECK(answer.renewed.empty());
    CHECK(worker.accept(fresh).status == 200);
}

TEST_CASE("an offer is repeated until it is accepted or declined, and counts against the free places")
{
    Scene scene;
    auto& worker = scene.worker;
    scene.server.start_run("web");
    const auto first = worker.take_offer();
    const auto second = worker.take_offer();
    CHECK(second.stage_id == first.stage_id);
    CHECK(second.fence == first.fence);
    decline(worker, first);
    CHECK(worker.poll().offers.empty());
    ScriptedWorker other{scene.server, scene.pool, kOtherInstance};
    REQUIRE(other.enroll().status == 200);
    CHECK(other.take_offer().fence > first.fence);
}

TEST_CASE("a poll that waits has its answer when the next one of its session comes, and takes nothing more")
{
    Scene scene;
    ScriptedWorker leaves{scene.server, scene.pool, kOtherInstance};
    REQUIRE(leaves.enroll().status == 200);
    ScriptedWorker goes_on{scene.server, scene.pool, kOtherInstance};
    goes_on.session = leaves.session;
    auto left = std::async(std::launch::async, [&] { return leaves.poll(20'000, 1, {}, 1); });
    CHECK(goes_on.poll(0, 0, {}, 2).offers.empty());
    scene.server.start_run("web");
    CHECK(left.get().offers.empty());
    CHECK(goes_on.poll(20'000, 1, {}, 3).offers.size() == 1);
}

TEST_CASE("what was declined is offered again after a short rest, and at once when something has changed")
{
    Scene scene;
    auto& worker = scene.worker;
    scene.server.start_run("web");
    auto offer = worker.take_offer();
    decline(worker, offer);
    CHECK(worker.poll().offers.empty());
    const auto again = [&](const protocol::PollResponse& answer) {
        REQUIRE(answer.offers.size() == 1);
        CHECK(answer.offers.front().stage_id == offer.stage_id);
        CHECK(answer.offers.front().fence > offer.fence);
        offer = answer.offers.front();
    };
    SECTION("a poll that waits has it when the rest is over")
    {
        again(worker.poll(8'000));
        decline(worker, offer);
        CHECK(worker.poll().offers.empty());
    }
    SECTION("a worker that registers anew has it at once")
    {
        REQUIRE(worker.enroll().status == 200);
        again(worker.poll());
        decline(worker, offer);
        CHECK(worker.poll().offers.empty());
    }
    SECTION("a worker that has more free places than before has it at once")
    {
        CHECK(worker.poll(0, 0).offers.empty());
        again(worker.poll(0, 1));
    }
}

TEST_CASE("an offer that its worker forgot is made again to its next registration")
{
    Scene scene;
    auto& worker = scene.worker;
    scene.server.start_run("web");
    const auto offer = worker.take_offer();
    REQUIRE(worker.enroll().status == 200);
    const auto again = worker.take_offer();
    CHECK(again.stage_id == offer.stage_id);
    CHECK(again.fence == offer.fence);
    CHECK(worker.accept(again).status == 200);
}

TEST_CASE("a draining worker loses what it has not accepted and is shown as drained")
{
    Scene scene;
    scene.server.start_run("web");
    const auto offer = scene.worker.take_offer();
    const auto answer = scene.worker.call(
        "POST", "/worker/v1/poll", R"({"held":[],"free_places":1,"draining":true,"wait_ms":0})");
    REQUIRE(answer.status == 200);
    CHECK(answer.body.find("\"offers\":[]") != std::string::npos);
    CHECK(scene.worker.accept(offer).status == 410);
    CHECK(scene.server.api("GET", "/api/v1/workers").body.find("DRAINED") != std::string::npos);
}

TEST_CASE("a waiting poll is answered when a run starts and when the stage is to stop")
{
    Scene scene;
    auto waiting = begin_waiting(scene);
    const auto run = scene.server.start_run("web");
    const auto begin = std::chrono::steady_clock::now();
    const auto offered = waiting.get();
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{10});
    REQUIRE(offered.offers.size() == 1);
    const auto plan = offered.offers.front();
    scene.begin(plan);

    const std::vector<protocol::HeldStage> held{
        {.stage_id = plan.stage_id, .fence = plan.fence, .started = true}};
    auto stopping = begin_waiting(scene, 0, held);
    CHECK(scene.server.api("POST", "/api/v1/runs/" + run + "/stop").status == 200);
    const auto commands = stopping.get().commands;
    REQUIRE(commands.size() == 1);
    CHECK(commands.front().kind == protocol::CommandKind::stop);
    CHECK(commands.front().stage_id == plan.stage_id);
    CHECK(scene.worker
              .report(plan,
                  {.event = StageEvent::finished,
                      .outcome = Outcome::failed,
                      .exit_code = 130,
                      .cause = "stopped"})
              .status
        == 200);
    CHECK(scene.state(run) == "STOPPED");
}

TEST_CASE("a server that is killed in mid-conversation goes on where it was")
{
    Scene scene;
    auto& worker = scene.worker;
    const auto run = scene.server.start_run("web");
    const auto plan = worker.take_offer();
    scene.begin(plan);
    REQUIRE(worker.log(plan, 0, "before").status == 200);
    REQUIRE(worker.put(plan, "workspace", "envelope").status == 200);
    for (int kill = 0; kill < 3; ++kill) {
        scene.server.kill();
        scene.server.start();
        worker.reconnect(scene.server);
        REQUIRE(scene.state(run) == "PLANNING");
        REQUIRE(worker.poll(0, 0, {{.stage_id = plan.stage_id, .fence = plan.fence, .started = true}})
                    .renewed.size()
            == 1);
    }
    CHECK(worker.log(plan, 3, "ore after").number("durable") == 12);
    CHECK(worker.get(plan, "workspace").body == "envelope");
    CHECK(worker
              .report(plan,
                  {.event = StageEvent::finished,
                      .outcome = Outcome::succeeded,
                      .exit_code = 0,
                      .workspace = "workspace",
                      .log_end = 12})
              .status
        == 200);
    CHECK(scene.state(run) == "UNCONFIRMED");
    CHECK(scene.server.api("GET", "/api/v1/runs/" + run + "/logs").body == "before after");
}

TEST_CASE(
    "the data directory is private and holds neither the pool's key nor a session nor an API key in plain")
{
    Scene scene;
    const auto admin = read_file(scene.server.data() / "admin.key", 4096);
    REQUIRE(admin);
    const std::string secret = admin->substr(31, 64);
    const std::string key_line = scene.pool.key_pem.substr(200, 60);
    CHECK(std::filesystem::status(scene.server.data()).permissions() == std::filesystem::perms::owner_all);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{scene.server.data()}) {
        if (!entry.is_regular_file())
            continue;
        INFO(entry.path());
        const auto content = read_file(entry.path(), 1U << 30U);
        REQUIRE(content);
        ++files;
        CHECK(content->find(key_line) == std::string::npos);
        CHECK(content->find(scene.worker.session) == std::string::npos);
        if (entry.path().filename() != "admin.key")
            CHECK(content->find(secret) == std::string::npos);
        if (entry.path().filename() != "ca.pem")
            CHECK((entry.status().permissions() & std::filesystem::perms::others_all)
                == std::filesystem::perms::none);
    }
    CHECK(files >= 6);
}

TEST_CASE("TERM ends the server with 0, whatever a poll is doing")
{
    Scene scene;
    auto waiting = begin_waiting(scene);
    scene.server.process().signal(SIGTERM);
    const auto code = scene.server.process().wait(std::chrono::seconds{20});
    REQUIRE(code);
    CHECK(*code == 0);
    CHECK(waiting.get().offers.empty());
}
