#include "common/file.h"
#include "mothership/people_api.h"
#include "mothership/worker_api.h"
#include "test/integration/mothership_scene.h"
#include "test/unit/http-server/tls_peers.h"
#include "test/unit/mothership/control_desk.h"

#include <openssl/ssl.h>
#include <sys/resource.h>

#include <algorithm>
#include <set>

using namespace slipway;
using namespace slipway::test;

namespace {

struct Call {
    std::string method;
    std::string path;

    [[nodiscard]] bool worker() const { return path.starts_with("/worker/"); }

    [[nodiscard]] bool has_body() const { return method != "GET" && method != "DELETE"; }

    /// Whether its body is JSON that it reads.
    [[nodiscard]] bool reads_json() const
    {
        static const std::set<std::string> kOthers{
            "confirm", "discard", "stop", "release", "declare-lost", "source", "logs", "{name}"};
        return has_body() && !kOthers.contains(path.substr(path.rfind('/') + 1));
    }
};

/// Every call of both APIs, from the router itself, so that a new one cannot be forgotten here.
std::vector<Call> all_calls()
{
    ControlDesk desk;
    SystemRandom random;
    const mothership::BlobDirectory blobs{desk.directory.path(), desk.clock, random};
    const auto authority = must(crypto::CertificateAuthority::create("x", random, desk.clock.wall()));
    mothership::PeopleApi people{*desk.plane, blobs, authority, {}};
    mothership::WorkerApi workers{*desk.plane, blobs};
    http::Router router;
    people.add_routes(router);
    workers.add_routes(router);
    std::vector<Call> calls;
    for (const auto& route : router.routes()) {
        std::string path;
        for (const auto& segment : route.pattern)
            path.append("/").append(segment);
        calls.push_back({.method = route.method, .path = path});
    }
    // People can take the stage from its worker: the worker's calls come first.
    std::stable_partition(calls.begin(), calls.end(), [](const Call& call) { return call.worker(); });
    return calls;
}

std::vector<Call> people_calls()
{
    auto calls = all_calls();
    calls.erase(std::remove_if(calls.begin(), calls.end(),
                    [](const Call& call) { return call.worker() || call.path == "/healthz"; }),
        calls.end());
    return calls;
}

/// A scene with a stage in work, and a path to a thing that exists for every call.
struct Target {
    Scene scene;
    std::string run = scene.server.start_run("web");
    protocol::Assignment plan = scene.worker.take_offer();

    Target() { scene.begin(plan); }

    [[nodiscard]] std::string path(const Call& call) const
    {
        std::string path = call.path;
        const auto put = [&](const std::string& name, const std::string& value) {
            if (const auto at = path.find(name); at != std::string::npos)
                path.replace(at, name.size(), value);
        };
        put("/stages/{id}", "/stages/" + plan.stage_id);
        put("/stacks/{id}", "/stacks/web");
        put("/runs/{id}", "/runs/" + run);
        put("{name}", "workspace");
        return path
            + (call.worker() ? "?offset=0&fence=" + std::to_string(plan.fence.to_integer()) : std::string{});
    }

    /// What comes back for exactly these headers and bytes; 0: nothing did.
    [[nodiscard]] int exchange(
        const Call& call, const std::string& key, const std::string& headers, const std::string& body)
    {
        TlsClient client = connect(call);
        const std::string reply = client.exchange(head(call, key, headers) + body);
        return reply.size() < 12 ? 0 : std::stoi(reply.substr(9, 3));
    }

    /// Sends half a body and goes away.
    void break_off(const Call& call)
    {
        TlsClient client = connect(call);
        client.send(head(call, good_key(call), "Content-Length: 100\r\n") + "{\"name\":");
    }

    [[nodiscard]] const std::string& good_key(const Call& call) const
    {
        return call.worker() ? scene.worker.session : scene.server.admin_key();
    }

private:
    [[nodiscard]] TlsClient connect(const Call& call) const
    {
        const Identity pool{scene.pool.certificate_pem, scene.pool.key_pem};
        return TlsClient{scene.server.port(), call.worker() ? pool : Identity{}, TLS1_3_VERSION};
    }

    [[nodiscard]] std::string head(const Call& call, const std::string& key, const std::string& headers) const
    {
        return call.method + " " + path(call) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            + (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") + headers + "\r\n";
    }
};

} // namespace

TEST_CASE("hostile bodies are refused on every call that the router knows")
{
    Target target;
    const std::vector<std::string> bodies{
        "{\"name\":", "{\"name\":7,\"fence\":\"x\",\"phases\":7,\"type\":7,\"held\":7}",
        "{\"name\":\"\xFF\xFE\"}", std::string{"\0\0", 2}, std::string(200, '[')};
    for (const auto& call : all_calls()) {
        INFO(call.method << " " << call.path);
        const auto& key = target.good_key(call);
        CHECK(target.exchange(call, key, "Content-Length: 99999999999999\r\n", "x") == 413);
        CHECK(target.exchange(call, key, "Transfer-Encoding: chunked\r\n", "-1\r\n") == 400);
        CHECK(target.exchange(call, key, "Transfer-Encoding: chunked\r\n", "ffffffffffff\r\nx") == 413);
        target.break_off(call);
        for (const auto& body : bodies) {
            INFO(body);
            const int status
                = target.exchange(call, key, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
            CHECK(status < 500);
            CHECK(status >= (call.reads_json() || !call.has_body() ? 400 : 200));
        }
    }
    CHECK(target.scene.server.api("GET", "/healthz").status == 200);
}

TEST_CASE("no byte of a stranger's body is waited for, on any call")
{
    Target target;
    for (const auto& call : all_calls()) {
        if (!call.has_body())
            continue;
        INFO(call.method << " " << call.path);
        // Registering needs a certificate alone.
        const bool by_certificate = call.path == protocol::kRegisterPath;
        const Call bare{.method = call.method, .path = by_certificate ? "/worker/v1/poll" : call.path};
        CHECK(target.exchange(bare, {}, "Content-Length: 1000\r\n", {}) == 401);
        CHECK(target.exchange(bare, "made up", "Transfer-Encoding: chunked\r\n", {}) == 401);
    }
}

TEST_CASE("serve takes as many descriptors as the host allows")
{
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit few{.rlim_cur = 256, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    RunningMothership server;
    CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit taken{};
    REQUIRE(::prlimit(server.process().pid(), RLIMIT_NOFILE, nullptr, &taken) == 0);
    CHECK(taken.rlim_cur == before.rlim_max);
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
             R"({"free_places":-1})", R"({"wait_ms":1e9})", R"({"seen_ms":-1})"}) {
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
    const std::string stranger = "slk_01ARZ3NDEKTSV4RRFFQ69G5FAV_" + std::string(64, 'a');
    const auto calls = people_calls();
    CHECK(calls.size() >= 16);
    for (const auto& call : calls)
        for (const auto& key : {std::string{}, std::string{"slk_"}, stranger}) {
            INFO(call.method << " " << call.path << " " << key);
            std::string path = call.path;
            for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
                path.replace(at, path.find('}', at) - at + 1, "1");
            CHECK(server.api(call.method, path, call.has_body() ? "{}" : "", key).status == 401);
        }
    CHECK(server.api("GET", "/healthz", {}, std::string{}).status == 200);
    auto key = read_file(server.data() / "admin.key", 4096);
    REQUIRE(key);
    key->replace(key->size() - 2, 1, key->at(key->size() - 2) == '0' ? "1" : "0");
    key->pop_back();
    CHECK(server.api("GET", "/api/v1/session", {}, *key).status == 401);
}
