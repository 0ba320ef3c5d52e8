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

TEST_CASE("hostile bodies are refused on every call and the server lives")
{
    Scene scene;
    const auto run = scene.server.start_run("web");
    const auto plan = scene.worker.take_offer();
    scene.begin(plan);
    const std::string stage = "/worker/v1/stages/" + plan.stage_id;
    const std::string fence = std::to_string(plan.fence.to_integer());
    const std::vector<std::string> bodies{"", "{", "null", "[]", "\"x\"", std::string(200, '['),
        std::string{"\0\0", 2}, R"({"fence":"x"})", R"({"fence":-1,"name":7})", R"({"fence":1e400})",
        "\xFF\xFE", R"({"name":{"name":{}}})", R"({"instance_id":"../../x","name":"","csr":""})",
        R"({"type":"NOTHING","phases":7,"held":7,"free_places":-1})"};
    const std::vector<std::pair<std::string, std::string>> worker_calls{{"POST", "/worker/v1/register"},
        {"POST", stage + "/accept"}, {"POST", stage + "/decline"}, {"POST", stage + "/state"},
        {"POST", "/worker/v1/stages/x/state"}, {"PUT", stage + "/logs"},
        {"PUT", stage + "/logs?fence=x&offset=0"}, {"PUT", stage + "/logs?fence=" + fence + "&offset=-1"},
        {"PUT", stage + "/blobs/x"}, {"PUT", stage + "/blobs/..%2F..%2Fx?fence=" + fence},
        {"PUT", stage + "/blobs/.x?fence=" + fence}, {"GET", stage + "/blobs/..%2Fslipway.db?fence=" + fence},
        {"GET", stage + "/blobs/x?fence=99999999999999999999"}};
    const std::vector<std::pair<std::string, std::string>> people_calls{{"POST", "/api/v1/pools"},
        {"POST", "/api/v1/stacks"}, {"PUT", "/api/v1/stacks/web/source"},
        {"PUT", "/api/v1/stacks/none/source"}, {"POST", "/api/v1/stacks/none/runs"},
        {"GET", "/api/v1/runs/none"}, {"GET", "/api/v1/runs?limit=-1"},
        {"GET", "/api/v1/runs/" + run + "/logs?offset=x"}, {"GET", "/api/v1/runs/" + run + "/logs?offset=99"},
        {"GET", "/api/v1/runs/" + run + "?version=1&wait_ms=99999999"},
        {"POST", "/api/v1/runs/" + run + "/confirm"}};
    for (const auto& body : bodies) {
        for (const auto& [method, path] : worker_calls) {
            INFO(method << " " << path << " " << body);
            const auto answer = scene.worker.call(method, path, method == "GET" ? std::string{} : body);
            CHECK(answer.status >= 400);
            CHECK(answer.status < 500);
            CHECK(answer.number("status") == answer.status);
        }
        for (const auto& [method, path] : people_calls) {
            INFO(method << " " << path << " " << body);
            const auto answer = scene.server.api(method, path, method == "GET" ? std::string{} : body);
            CHECK(answer.status >= 400);
            CHECK(answer.status < 500);
        }
    }
    for (const auto* body : {"", "{", "[]", R"({"held":7})", R"({"held":[{"stage_id":"x","fence":1}]})",
             R"({"free_places":-1})", R"({"wait_ms":1e9})", R"({"seen_ms":9223372036854775807})"}) {
        INFO(body);
        CHECK(scene.worker.call("POST", "/worker/v1/poll", body).status == 400);
    }
    CHECK(scene.worker.log(plan, 0, std::string(protocol::kMaxLogChunkBytes + 1, 'x')).status == 413);
    CHECK(scene.server.api("GET", "/healthz").status == 200);
    CHECK(scene.state(run) == "PLANNING");
}

TEST_CASE("every call of people needs a key that the server knows")
{
    RunningMothership server;
    const std::vector<std::pair<std::string, std::string>> calls{{"GET", "/api/v1/session"},
        {"GET", "/api/v1/pools"}, {"POST", "/api/v1/pools"}, {"GET", "/api/v1/workers"},
        {"GET", "/api/v1/stacks"}, {"POST", "/api/v1/stacks"}, {"GET", "/api/v1/stacks/x"},
        {"PATCH", "/api/v1/stacks/x"}, {"PUT", "/api/v1/stacks/x/source"}, {"POST", "/api/v1/stacks/x/runs"},
        {"GET", "/api/v1/runs"}, {"GET", "/api/v1/runs/x"}, {"POST", "/api/v1/runs/x/confirm"},
        {"GET", "/api/v1/runs/x/logs"}};
    const std::string stranger = "slk_01ARZ3NDEKTSV4RRFFQ69G5FAV_" + std::string(64, 'a');
    for (const auto& [method, path] : calls)
        for (const auto& key : {std::string{}, std::string{"slk_"}, stranger}) {
            INFO(method << " " << path << " " << key);
            CHECK(server.api(method, path, "{}", key).status == 401);
        }
    CHECK(server.api("GET", "/healthz", {}, std::string{}).status == 200);
    auto key = read_file(server.data() / "admin.key", 4096);
    REQUIRE(key);
    key->replace(key->size() - 2, 1, key->at(key->size() - 2) == '0' ? "1" : "0");
    key->pop_back();
    CHECK(server.api("GET", "/api/v1/session", {}, *key).status == 401);
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
