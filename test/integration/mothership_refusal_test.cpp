#include "common/file.h"
#include "test/integration/mothership_scene.h"

#include <signal.h>

using namespace slipway;
using namespace slipway::test;
using protocol::Outcome;
using protocol::StageEvent;

TEST_CASE("a worker without the pool's certificate is refused")
{
    RunningMothership server;
    const auto pool = server.create_pool("demo");
    SECTION("with none")
    {
        ScriptedWorker worker{server, {.id = pool.id, .certificate_pem = {}, .key_pem = {}}, kInstance};
        CHECK(worker.enroll().status == 401);
        CHECK(worker.call("GET", "/worker/v1/anything").status == 401);
    }
    SECTION("with one of another authority")
    {
        RunningMothership other;
        const auto foreign = other.create_pool("demo");
        auto client = server.client(foreign.certificate_pem, foreign.key_pem);
        http::ClientRequest request{
            .method = "POST", .url = "/worker/v1/register", .timeout = std::chrono::seconds{10}};
        const auto refused = client.send(request, {});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() != Errc::timed_out);
    }
    SECTION("with one of the same authority for a pool that the store does not know")
    {
        const auto kept = server.directory() / "kept.db";
        server.process().signal(SIGTERM);
        REQUIRE(server.process().wait(std::chrono::seconds{20}));
        std::filesystem::copy_file(server.data() / "slipway.db", kept);
        server.start();
        const auto later = server.create_pool("later");
        server.kill();
        std::filesystem::remove(server.data() / "slipway.db-wal");
        std::filesystem::remove(server.data() / "slipway.db-shm");
        std::filesystem::copy_file(
            kept, server.data() / "slipway.db", std::filesystem::copy_options::overwrite_existing);
        server.start();
        ScriptedWorker worker{server, later, kInstance};
        CHECK(worker.enroll().status == 403);
    }
}

TEST_CASE("a session ends with the next registration, with the sign-off and at the border of its pool")
{
    Scene scene;
    auto& worker = scene.worker;
    const std::string first = worker.session;
    const auto id = scene.worker.enroll().text("worker_id");
    const std::string second = worker.session;
    CHECK(worker.enroll().text("worker_id") == id);
    const std::string third = worker.session;
    for (const auto& old : {first, second, std::string{"made up"}, std::string{}}) {
        worker.session = old;
        CHECK(worker.call("POST", "/worker/v1/poll", R"({"held":[],"free_places":1,"wait_ms":0})").status
            == 401);
    }

    const auto other = scene.server.create_pool("other");
    ScriptedWorker stranger{scene.server, other, kOtherInstance};
    stranger.session = third;
    CHECK(
        stranger.call("POST", "/worker/v1/poll", R"({"held":[],"free_places":1,"wait_ms":0})").status == 401);

    worker.session = third;
    CHECK(scene.server.api("GET", "/api/v1/workers").body.find(id) != std::string::npos);
    CHECK(worker.call("DELETE", "/worker/v1/register").status == 204);
    CHECK(worker.call("DELETE", "/worker/v1/register").status == 401);
    CHECK(scene.server.api("GET", "/api/v1/workers").body == R"({"workers":[]})");
    CHECK(worker.enroll().text("worker_id") == id);
}

TEST_CASE("a stage of another pool does not exist for a worker")
{
    Scene scene;
    scene.server.start_run("web");
    const auto other = scene.server.create_pool("other");
    ScriptedWorker stranger{scene.server, other, kOtherInstance};
    REQUIRE(stranger.enroll().status == 200);
    CHECK(stranger.poll().offers.empty());
    const auto plan = scene.worker.take_offer();
    CHECK(stranger.accept(plan).status == 410);
    scene.begin(plan);
    CHECK(stranger.log(plan, 0, "x").status == 410);
    CHECK(stranger.get(plan, plan.source_blob).status == 410);
    CHECK(stranger.put(plan, "workspace", "x").status == 410);
    CHECK(stranger.report(plan, {.event = StageEvent::finished, .outcome = Outcome::failed}).status == 410);
    CHECK(scene.worker.log(plan, 0, "").number("durable") == 0);
}

TEST_CASE("init leaves a data directory and foreign files alone")
{
    RunningMothership server;
    const auto key = read_file(server.data() / "ca.key", 65536);
    CHECK_FALSE(run_program(
        {SLIPWAY_MOTHERSHIP, "init", "--data-dir", server.data(), "--endpoint", "https://127.0.0.1:1"}));
    CHECK(*read_file(server.data() / "ca.key", 65536) == *key);
    CHECK_FALSE(run_program(
        {SLIPWAY_MOTHERSHIP, "init", "--data-dir", server.directory(), "--endpoint", "https://127.0.0.1:1"}));
    CHECK_FALSE(std::filesystem::exists(server.directory() / "ca.key"));
}

TEST_CASE("serve refuses a directory whose database is missing, and leaves the files of its runs")
{
    Scene scene;
    scene.server.kill();
    const auto blobs = [&] {
        return std::distance(std::filesystem::directory_iterator{scene.server.data() / "blobs"},
            std::filesystem::directory_iterator{});
    };
    REQUIRE(blobs() == 1);
    for (const auto* file : {"slipway.db", "slipway.db-wal", "slipway.db-shm"})
        std::filesystem::remove(scene.server.data() / file);
    const auto refused = run_program(
        {SLIPWAY_MOTHERSHIP, "serve", "--data-dir", scene.server.data(), "--listen", "127.0.0.1:0"});
    REQUIRE_FALSE(refused);
    CHECK_FALSE(std::filesystem::exists(scene.server.data() / "slipway.db"));
    CHECK(blobs() == 1);
}

TEST_CASE("a second server on a data directory says what it waits for, and TERM ends the wait with 0")
{
    RunningMothership server;
    auto second = Process::start(
        {.argv = {SLIPWAY_MOTHERSHIP, "serve", "--data-dir", server.data(), "--listen", "127.0.0.1:0"},
            .env = {},
            .directory = {},
            .log = server.directory() / "second"});
    REQUIRE(second);
    const auto line = second->read_until("waiting for the data directory", std::chrono::seconds{20});
    REQUIRE(line);
    CHECK(line->find("process " + std::to_string(server.process().pid())) != std::string::npos);
    second->signal(SIGTERM);
    const auto end = second->finish(std::chrono::seconds{20});
    REQUIRE(end);
    CHECK(end->first == 0);
    CHECK(end->second.find("stopped before it served") != std::string::npos);
}

TEST_CASE("a port that is taken is refused with the remedy")
{
    RunningMothership holder;
    RunningMothership server;
    server.kill();
    auto late = Process::start({.argv = {SLIPWAY_MOTHERSHIP, "serve", "--data-dir", server.data(), "--listen",
                                    "127.0.0.1:" + std::to_string(holder.port())},
        .env = {},
        .directory = {},
        .log = server.directory() / "late"});
    REQUIRE(late);
    const auto end = late->finish(std::chrono::seconds{20});
    REQUIRE(end);
    CHECK(end->first == 1);
    CHECK(end->second.find("choose another port with --listen") != std::string::npos);
}

TEST_CASE("a stack cannot take the name of another")
{
    Scene scene;
    scene.server.create_stack("other", "demo");
    const auto taken = scene.server.api("PATCH", "/api/v1/stacks/other", R"({"name":"web"})");
    CHECK(taken.status == 409);
    CHECK(taken.text("detail") == "stack web has the name web already: choose another name");
    CHECK(scene.server.api("PATCH", "/api/v1/stacks/other", R"({"name":"third"})").status == 200);
    CHECK(scene.server.api("POST", "/api/v1/stacks", R"({"name":"third"})").status == 409);
    CHECK(scene.server.api("PATCH", "/api/v1/stacks/other", R"({"name":"third","autodeploy":true})").status
        == 200);
}
