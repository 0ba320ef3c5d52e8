#include "common/file.h"
#include "common/json.h"
#include "launcher/mothership_backend.h"
#include "test/support/manual_clock.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <latch>
#include <thread>

using namespace slipway;
using namespace slipway::launcher;
using slipway::test::http_response;
using slipway::test::RawHttpServer;

namespace {

const StageRef kStage{.stage_id = "01J0000000000000000000000A", .fence = {.epoch = 1, .number = 2}};
const std::string kFence = std::to_string(kStage.fence.to_integer());
const std::string kStagePath = "/worker/v1/stages/01J0000000000000000000000A";
const std::string kRegistered
    = R"({"worker_id":"01J0000000000000000000000B","session":"s3ss10n",)"
      R"("pool_id":"01J0000000000000000000000C","pool_name":"demo","wall_ms":1700000000000})";

/// Answers each request with the next of `responses`, whatever connection it comes on, then hangs up.
RawHttpServer::Script answers(std::vector<std::string> responses)
{
    auto next = std::make_shared<std::atomic<std::size_t>>(0);
    return [responses = std::move(responses), next](RawHttpServer::Connection& peer) {
        while (*next < responses.size() && peer.read_request())
            if (const std::size_t at = (*next)++; at >= responses.size() || !peer.send(responses[at]))
                return;
    };
}

std::string problem(int status, std::string_view body)
{
    return http_response(status, body, "Content-Type: application/problem+json\r\n");
}

const SystemClock kClock;
SystemRandom the_random;

std::unique_ptr<MothershipBackend> backend_for(const RawHttpServer& server, const Clock& clock = kClock)
{
    auto backend = MothershipBackend::create({.url = server.url(),
        .ca_pem = {},
        .identity = {},
        .user_agent = "slipway-launcher/test",
        .clock = clock,
        .random = the_random});
    REQUIRE(backend);
    return *std::move(backend);
}

bool starts(const std::string& request, const std::string& line)
{
    return request.starts_with(line + " HTTP/1.1\r\n");
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("every call after the registration carries its session, on the same connection", "[launcher]")
{
    RawHttpServer server{answers(
        {http_response(200, kRegistered), http_response(200, R"({"offers":[]})"), http_response(204, "")})};
    const auto backend = backend_for(server);
    const auto registered = backend->enroll({.instance_id = "01J0000000000000000000000D",
                                                .boot_id = "b",
                                                .version = "1",
                                                .hostname = "h",
                                                .metadata = {}},
        {});
    REQUIRE(registered);
    CHECK(registered->pool_name == "demo");
    CHECK(registered->wall_ms == 1700000000000);
    CHECK(backend->poll({.held = {}, .free_places = 1, .wait = 0}, {}));
    CHECK(backend->sign_off({}));
    const auto requests = server.requests();
    REQUIRE(requests.size() == 3);
    CHECK(server.connections() == 1);
    CHECK(starts(requests[0], "POST /worker/v1/register"));
    CHECK_FALSE(holds(requests[0], "Authorization"));
    CHECK(starts(requests[1], "POST /worker/v1/poll"));
    CHECK(holds(requests[1], "Authorization: Bearer s3ss10n\r\n"));
    CHECK(starts(requests[2], "DELETE /worker/v1/register"));
    CHECK(holds(requests[2], "Authorization: Bearer s3ss10n\r\n"));
}

TEST_CASE("a call that the server puts off with Retry-After waits for it, and no other does", "[launcher]")
{
    const int status = GENERATE(429, 503);
    RawHttpServer server{
        answers({http_response(status, "", "Retry-After: 60\r\n"), http_response(200, R"({"durable":4})"),
            http_response(200, R"({"offers":[]})"), http_response(200, R"({"offers":[]})")})};
    const test::ManualClock clock;
    const auto backend = backend_for(server, clock);
    const auto first = backend->poll({.held = {}, .free_places = 1, .wait = 0}, {});
    REQUIRE_FALSE(first);
    CHECK(backend->append_log(kStage, 0, "abcd", {}));
    CHECK(clock.slept() == std::chrono::seconds{0});
    std::stop_source stopped;
    stopped.request_stop();
    const auto cancelled = backend->poll({.held = {}, .free_places = 1, .wait = 0}, stopped.get_token());
    REQUIRE_FALSE(cancelled);
    CHECK(cancelled.error().code() == Errc::cancelled);
    CHECK(server.requests().size() == 2);
    CHECK(backend->poll({.held = {}, .free_places = 1, .wait = 0}, {}));
    const auto waited = clock.slept();
    CHECK(waited >= std::chrono::seconds{60});
    CHECK(waited < std::chrono::seconds{61});
    CHECK(backend->poll({.held = {}, .free_places = 1, .wait = 0}, {}));
    CHECK(clock.slept() == waited);
}

TEST_CASE("the calls about a stage have the protocol's paths and carry the fence", "[launcher]")
{
    const std::string lease = http_response(200, R"({"lease_ms":300000})");
    RawHttpServer server{
        answers({lease, http_response(204, ""), lease, http_response(200, R"({"durable":7})")})};
    const auto backend = backend_for(server);
    const auto accepted = backend->accept(kStage, 4200, {});
    REQUIRE(accepted);
    CHECK(accepted->lease == 300'000);
    CHECK(backend->decline(kStage, "disk full", {}));
    const auto reported
        = backend->report(kStage, {.sequence = 3, .event = protocol::StageEvent::started}, {});
    REQUIRE(reported);
    CHECK(reported->lease == 300'000);
    const auto appended = backend->append_log(kStage, 3, "abcd", {});
    REQUIRE(appended);
    CHECK(appended->expected == 7);

    const auto requests = server.requests();
    REQUIRE(requests.size() == 4);
    CHECK(starts(requests[0], "POST " + kStagePath + "/accept"));
    CHECK(holds(requests[0], "\"fence\":" + kFence));
    CHECK(holds(requests[0], "\"run_limit_ms\":4200"));
    CHECK(starts(requests[1], "POST " + kStagePath + "/decline"));
    CHECK(holds(requests[1], "disk full"));
    CHECK(starts(requests[2], "POST " + kStagePath + "/state"));
    CHECK(holds(requests[2], "\"fence\":" + kFence));
    CHECK(starts(requests[3], "PUT " + kStagePath + "/logs?fence=" + kFence + "&offset=3"));
    CHECK(requests[3].ends_with("\r\n\r\nabcd"));
}

TEST_CASE("410 means gone, and 409 with an offset means go on from there", "[launcher]")
{
    RawHttpServer server{answers({problem(410, "{}"), problem(409, R"({"durable":42})"),
        problem(409, R"({"durable":9})"), problem(409, R"({"detail":"drained"})"), problem(410, "{}")})};
    const auto backend = backend_for(server);
    const auto gone = backend->append_log(kStage, 0, "x", {});
    REQUIRE(gone);
    CHECK(gone->kind == StageAnswer::Kind::gone);
    const auto ahead = backend->append_log(kStage, 50, "x", {});
    REQUIRE(ahead);
    CHECK(ahead->kind == StageAnswer::Kind::not_yet);
    CHECK(ahead->expected == 42);
    const auto early = backend->report(kStage, {.event = protocol::StageEvent::finished}, {});
    REQUIRE(early);
    CHECK(early->kind == StageAnswer::Kind::not_yet);
    CHECK(early->expected == 9);
    const auto refused = backend->accept(kStage, 1, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::conflict);
    CHECK(holds(refused.error().message(), "drained"));
    CHECK(backend->decline(kStage, "late", {}));
}

TEST_CASE("other answers are errors with the code of their status and the server's words", "[launcher]")
{
    struct Case {
        int status;
        Errc code;
    };

    const auto& [status, code]
        = GENERATE(values<Case>({{401, Errc::rejected}, {403, Errc::rejected}, {400, Errc::invalid_input},
            {404, Errc::not_found}, {500, Errc::unreachable}, {503, Errc::unreachable}}));
    RawHttpServer server{answers({problem(status, R"({"detail":"because of this"})")})};
    const auto polled = backend_for(server)->poll({.held = {}, .wait = 0}, {});
    REQUIRE_FALSE(polled);
    CHECK(polled.error().code() == code);
    CHECK(holds(polled.error().message(), "because of this"));
}

TEST_CASE("an answer that is not the protocol's is an error and no crash", "[launcher]")
{
    RawHttpServer server{answers({http_response(200, "<html>"), http_response(200, R"({"lease_ms":-1})"),
        http_response(200, R"({"durable":-4})"), problem(409, R"({"durable":-4})")})};
    const auto backend = backend_for(server);
    CHECK_FALSE(backend->poll({.held = {}, .wait = 0}, {}));
    CHECK_FALSE(backend->accept(kStage, 1, {}));
    CHECK_FALSE(backend->append_log(kStage, 0, "x", {}));
    CHECK_FALSE(backend->append_log(kStage, 0, "x", {}));
}

TEST_CASE("a blob is sent from its file's start and received piece by piece", "[launcher]")
{
    const test::TempDir directory;
    const std::string content(300'000, 'b');
    REQUIRE(replace_file(directory.path() / "blob", content));
    auto file = open_file(directory.path() / "blob", O_RDONLY);
    REQUIRE(file);
    REQUIRE(::lseek(file->get(), 1000, SEEK_SET) == 1000);
    RawHttpServer server{answers({http_response(200, "{}"), http_response(200, content), problem(410, "{}"),
        problem(404, R"({"detail":"no such blob"})"), http_response(200, content)})};
    const auto backend = backend_for(server);
    CHECK(backend->upload_blob(kStage, "work space", file->get(), content.size(), {}));
    std::string received;
    const auto collect = [&](std::string_view bytes) -> Result<void> {
        received += bytes;
        return {};
    };
    CHECK(backend->download_blob(kStage, "source", collect, {}));
    CHECK(received == content);
    received.clear();
    const auto gone = backend->download_blob(kStage, "source", collect, {});
    REQUIRE(gone);
    CHECK(gone->kind == StageAnswer::Kind::gone);
    const auto missing = backend->download_blob(kStage, "source", collect, {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == Errc::not_found);
    CHECK(received.empty());
    const auto full = backend->download_blob(kStage, "source",
        [](std::string_view) -> Result<void> {
            return Error{Errc::exhausted, "disk full"};
        },
        {});
    REQUIRE_FALSE(full);
    CHECK(full.error().code() == Errc::exhausted);

    const auto requests = server.requests();
    REQUIRE(requests.size() >= 2);
    CHECK(starts(requests[0], "PUT " + kStagePath + "/blobs/work%20space?fence=" + kFence));
    CHECK(requests[0].ends_with("\r\n\r\n" + content));
    CHECK(starts(requests[1], "GET " + kStagePath + "/blobs/source?fence=" + kFence));
}

TEST_CASE("in debug mode every offer shows its commands", "[launcher]")
{
    const std::string offer = R"({"offers":[)" + [] {
        JsonWriter json;
        write(json,
            protocol::Assignment{.stage_id = "01J0000000000000000000000A",
                .run_id = "01J0000000000000000000000R",
                .stack_id = "web",
                .pool_id = "01J0000000000000000000000C",
                .stage_name = "plan",
                .run_type = "TRACKED",
                .fence = {.epoch = 0, .number = 1}});
        return json.take();
    }() + "]}";
    RawHttpServer server{answers({http_response(200, offer)})};
    const auto backend = MothershipBackend::create({.url = server.url(),
        .ca_pem = {},
        .identity = {},
        .user_agent = "test",
        .clock = kClock,
        .random = the_random,
        .debug = true});
    REQUIRE(backend);
    const auto polled = (*backend)->poll({.held = {}, .wait = 0}, {});
    INFO((polled ? "" : polled.error().message()));
    REQUIRE(polled);
    REQUIRE(polled->offers.size() == 1);
    CHECK(polled->offers[0].debug);
}

TEST_CASE("a session that is over is told from one that was renewed meanwhile", "[launcher]")
{
    const std::string denied = problem(401, R"({"detail":"no such session"})");
    std::mutex mutex;
    std::condition_variable changed;
    bool polled = false;
    bool renewed = false;
    RawHttpServer server{[&](RawHttpServer::Connection& peer) {
        while (const auto request = peer.read_request()) {
            if (request->starts_with("POST /worker/v1/register")) {
                peer.send(http_response(200, kRegistered));
            } else if (request->starts_with("POST /worker/v1/poll")) {
                std::unique_lock lock{mutex};
                polled = true;
                changed.notify_all();
                changed.wait(lock, [&] { return renewed; });
                peer.send(denied);
            } else {
                peer.send(denied);
            }
        }
    }};
    const auto backend = backend_for(server);
    Errc ended = Errc::internal;
    std::jthread poller{[&] {
        const auto answer = backend->poll({.held = {}, .wait = 60'000}, {});
        ended = answer ? Errc::internal : answer.error().code();
    }};
    {
        std::unique_lock lock{mutex};
        REQUIRE(changed.wait_for(lock, std::chrono::seconds{20}, [&] { return polled; }));
    }
    CHECK(backend->enroll({}, {}));
    {
        const std::lock_guard lock{mutex};
        renewed = true;
    }
    changed.notify_all();
    poller.join();
    CHECK(ended == Errc::unreachable);
    const auto refused = backend->accept(kStage, 1, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
}

TEST_CASE("a call does not wait for another one that is under way", "[launcher]")
{
    std::mutex mutex;
    std::condition_variable changed;
    bool polled = false;
    RawHttpServer server{[&](RawHttpServer::Connection& peer) {
        const auto request = peer.read_request();
        if (request && request->starts_with("POST /worker/v1/poll")) {
            {
                const std::lock_guard lock{mutex};
                polled = true;
            }
            changed.notify_all();
            peer.wait_for_close();
        } else if (request) {
            peer.send(http_response(200, R"({"durable":1})"));
        }
    }};
    const auto backend = backend_for(server);
    std::stop_source stop;
    Errc ended = Errc::internal;
    std::jthread poller{[&] {
        const auto answer = backend->poll({.held = {}, .wait = 60'000}, stop.get_token());
        ended = answer ? Errc::internal : answer.error().code();
    }};
    {
        std::unique_lock lock{mutex};
        REQUIRE(changed.wait_for(lock, std::chrono::seconds{20}, [&] { return polled; }));
    }
    CHECK(backend->append_log(kStage, 0, "x", {}));
    stop.request_stop();
    poller.join();
    CHECK(ended == Errc::cancelled);
    CHECK(server.connections() == 2);
}

TEST_CASE("a poll that nobody waits for any more is left to the server, and its connection serves others",
    "[launcher]")
{
    std::latch first_came{1};
    std::latch second_came{1};
    std::atomic<int> calls_on_first{0};
    RawHttpServer server{[&](RawHttpServer::Connection& peer) {
        while (const auto request = peer.read_request()) {
            if (holds(*request, R"("number":1})")) {
                first_came.count_down();
                second_came.wait();
            } else if (holds(*request, R"("number":2})")) {
                second_came.count_down();
            } else if (peer.number() == 0) {
                ++calls_on_first;
            }
            peer.send(http_response(200, R"({"offers":[],"durable":1})"));
        }
    }};
    const auto backend = backend_for(server);
    std::stop_source stop;
    auto left = std::async(
        std::launch::async, [&] { return backend->poll({.held = {}, .wait = 60'000}, stop.get_token()); });
    first_came.wait();
    stop.request_stop();
    const auto ended = left.get();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code() == Errc::cancelled);
    CHECK(backend->poll({.held = {}, .wait = 0}, {}));
    // Polls in quiet times take the connections in turn.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (calls_on_first == 0 && std::chrono::steady_clock::now() < end)
        REQUIRE(backend->poll({.held = {}, .wait = 0}, {}));
    CHECK(calls_on_first > 0);
    CHECK(server.connections() <= 4);
}
