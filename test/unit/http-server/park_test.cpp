#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <deque>
#include <optional>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;
using http::Reply;
using http::Request;

namespace {

// GET /wait/{topic} answers the value once it is above 0; waits for `topic`.
http::Router waiting_router(std::atomic<int>& value, std::chrono::milliseconds max_wait)
{
    http::Router router = small_router();
    router.add("GET", "/wait/{topic}", [&value, max_wait](const Request& request) {
        const int seen = value;
        if (seen > 0)
            return Reply::text(200, std::to_string(seen) + (request.waited > 0s ? " later" : " at once"));
        if (request.last_call)
            return Reply::text(200, request.waited >= max_wait ? "nothing" : "stopping");
        return Reply::park({std::string{request.parameter("topic")}}, max_wait);
    });
    return router;
}

} // namespace

TEST_CASE("A parked request is answered when its topic is notified")
{
    std::atomic<int> value{0};
    RunningServer server{waiting_router(value, 60s)};
    RawClient client{server.port()};
    client.send(get("/wait/a"));
    REQUIRE(comes_true([&] { return server.stats().parked == 1; }));
    server.topics().notify("b");
    value = 7;
    server.topics().notify("a");
    CHECK(client.reply().body == "7 later");
    CHECK(server.stats().parked == 0);
    client.send(get("/wait/a"));
    CHECK(client.reply().body == "7 at once");
}

TEST_CASE("A request that is parked too long has a last call")
{
    std::atomic<int> value{0};
    RunningServer server{waiting_router(value, 50ms)};
    RawClient client{server.port()};
    client.send(get("/wait/a"));
    CHECK(client.reply().body == "nothing");
}

TEST_CASE("A parked request that wants to look again is asked again before its wait is over")
{
    constexpr auto kPause = 5ms;
    http::Router router;
    router.add("GET", "/soon", [kPause](const Request& request) {
        if (request.waited == 0s)
            return Reply::park({"soon"}, 60s, kPause);
        const bool early = request.waited < kPause;
        return Reply::text(200, early ? "too early" : request.last_call ? "last call" : "again");
    });
    RunningServer server{std::move(router)};
    RawClient client{server.port()};
    client.send(get("/soon"));
    CHECK(client.reply().body == "again");
}

TEST_CASE("A notification while the handler still looks is not lost")
{
    std::atomic<bool> ready{false};
    std::atomic<int> calls{0};
    http::Topics* topics = nullptr;
    http::Router router;
    router.add("GET", "/race", [&](const Request&) {
        ++calls;
        const bool seen = ready;
        if (seen)
            return Reply::text(200, "seen");
        // The change comes after the look and before the parking.
        ready = true;
        topics->notify("race");
        return Reply::park({"race"}, 60s);
    });
    RunningServer server{std::move(router)};
    topics = &server.topics();
    RawClient client{server.port()};
    client.send(get("/race"));
    CHECK(client.reply().body == "seen");
    CHECK(calls == 2);
}

TEST_CASE("No change is missed by pollers while a thousand changes are made")
{
    constexpr int kChanges = 1000;
    std::atomic<int> value{0};
    http::Router router;
    router.add("GET", "/after/{n}", [&value](const Request& request) {
        const int seen = value;
        if (seen > std::stoi(std::string{request.parameter("n")}))
            return Reply::text(200, std::to_string(seen));
        return request.last_call ? Reply::empty(204) : Reply::park({"value"}, 15s);
    });
    RunningServer server{std::move(router)};
    RawClient first{server.port()};
    RawClient second{server.port()};
    int missed = 0;
    for (int i = 0; i < kChanges; ++i) {
        const std::string request = get("/after/" + std::to_string(i));
        first.send(request);
        second.send(request);
        ++value;
        server.topics().notify("value");
        missed += first.reply().status == 200 ? 0 : 1;
        missed += second.reply().status == 200 ? 0 : 1;
    }
    CHECK(missed == 0);
}

TEST_CASE("Parked requests hold no handler thread")
{
    std::atomic<int> value{0};
    RunningServer server{waiting_router(value, 60s), {.tls = {}, .io_threads = 1, .handler_threads = 1}};
    std::deque<RawClient> parked;
    for (int i = 0; i < 50; ++i)
        parked.emplace_back(server.port()).send(get("/wait/a"));
    REQUIRE(comes_true([&] { return server.stats().parked == 50; }));
    RawClient client{server.port()};
    client.send(get("/ok"));
    CHECK(client.reply().body == "ok");
    value = 1;
    server.topics().notify("a");
    int answered = 0;
    for (auto& each : parked)
        answered += each.reply().body == "1 later" ? 1 : 0;
    CHECK(answered == 50);
}

TEST_CASE("Abandoned parked requests are freed, whether the peer closed or reset")
{
    std::atomic<int> value{0};
    RunningServer server{waiting_router(value, 60s)};
    std::deque<std::optional<RawClient>> parked;
    for (int i = 0; i < 100; ++i)
        parked.emplace_back(server.port())->send(get("/wait/a"));
    REQUIRE(comes_true([&] { return server.stats().parked == 100; }));
    for (std::size_t i = 0; i < parked.size(); ++i) {
        if (i % 2 == 0)
            parked[i]->abort();
        parked[i].reset();
    }
    CHECK(comes_true([&] { return server.stats().parked == 0 && server.stats().connections == 0; }));
}

TEST_CASE("A request behind a parked one is answered after it")
{
    std::atomic<int> value{0};
    RunningServer server{waiting_router(value, 60s)};
    RawClient client{server.port()};
    client.send(get("/wait/a"));
    REQUIRE(comes_true([&] { return server.stats().parked == 1; }));
    client.send(get("/ok"));
    value = 3;
    server.topics().notify("a");
    CHECK(client.reply().body == "3 later");
    CHECK(client.reply().body == "ok");
}

TEST_CASE("A handler that parks at its last call is a bug and answers 500")
{
    http::Router router;
    router.add("GET", "/forever", [](const Request&) { return Reply::park({"never"}, 10ms); });
    RunningServer server{std::move(router)};
    RawClient client{server.port()};
    client.send(get("/forever"));
    CHECK(client.reply().status == 500);
}
