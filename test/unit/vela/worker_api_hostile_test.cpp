#include "test/unit/http-server/running_server.h"
#include "test/unit/vela/running_api.h"
#include "test/unit/vela/token_maker.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <thread>

using namespace slipway;
using namespace slipway::vela;
using namespace slipway::test;

namespace {

/// Holds who validates until the API ends or the test lets go.
class Held {
public:
    void wait(std::stop_token stop)
    {
        std::unique_lock lock{mutex_};
        wake_.wait(lock, stop, [this] { return free_; });
    }

    void let_go()
    {
        const std::lock_guard lock{mutex_};
        free_ = true;
        wake_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable_any wake_;
    bool free_ = false;
};

std::string call_of_server() { return get("/api/v1/executors", "Authorization: Bearer a\r\n"); }

} // namespace

TEST_CASE("Strangers with tokens do not keep a prober or an administrator out")
{
    RunningApi api;
    Held held;
    api.while_validating = [&held](std::stop_token stop) { held.wait(std::move(stop)); };
    std::vector<std::unique_ptr<RawClient>> strangers;
    for (int i = 0; i < 8; ++i) {
        strangers.push_back(std::make_unique<RawClient>(api.port()));
        strangers.back()->send(call_of_server());
        REQUIRE(comes_true([&] { return api.validating == i + 1; }));
    }
    const auto more = api.ask("GET", "/api/v1/executors", "Bearer a");
    CHECK(more.status == 503);
    CHECK(header_of(more.head, "Retry-After") == "1");
    CHECK(api.ask("GET", "/health").status == 200);
    CHECK(api.ask("POST", "/register", "Bearer " + token_with(R"({"sub":"vela-worker"})")).status == 200);
    held.let_go();
    for (const auto& stranger : strangers)
        CHECK(stranger->reply().status == 200);
    CHECK(api.ask("GET", "/api/v1/executors", "Bearer a").status == 200);
}

TEST_CASE("The end of the worker does not wait for the server's word")
{
    RunningApi api;
    Held held;
    api.valid = Error{Errc::cancelled, "stopping"};
    api.while_validating = [&held](std::stop_token stop) { held.wait(std::move(stop)); };
    RawClient client{api.port()};
    client.send(call_of_server());
    REQUIRE(comes_true([&] { return api.validating == 1; }));
    api.end();
    CHECK(api.validated.size() == 1);
}

TEST_CASE("What is too large or is no request is refused as JSON")
{
    const RunningApi api;
    const auto answer = [&api](const std::string& bytes) {
        RawClient client{api.port()};
        client.send(bytes);
        return client.reply();
    };
    const std::string head = "POST /register HTTP/1.1\r\nHost: w\r\n";
    const auto body = answer(head + "Content-Length: 1000000\r\n\r\n");
    CHECK(body.status == 413);
    CHECK(body.body.starts_with("{\"error\":\""));
    const auto headers = answer(head + "Authorization: Bearer " + std::string(40'000, 'a') + "\r\n\r\n");
    CHECK(headers.status == 431);
    CHECK(headers.body.starts_with("{\"error\":\""));
    const auto nonsense = answer("nonsense\r\n\r\n");
    CHECK(nonsense.status == 400);
    CHECK(nonsense.body.starts_with("{\"error\":\""));
    CHECK(header_of(nonsense.head, "X-Content-Type-Options") == "nosniff");
    CHECK(answer("GET /health HTTP/1.1\r\nHost: w\r\nContent-Length: 5\r\n\r\n12345").status == 413);
    CHECK(answer("GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: w\r\n\r\n").status == 400);
}

TEST_CASE("A hook that throws is an error without its words")
{
    RunningApi api;
    api.cancel = [](int, std::stop_token) -> Result<std::string> { throw std::runtime_error{"hush-hush"}; };
    const auto reply = api.ask("DELETE", "/api/v1/executors/0/build/cancel", "Bearer a");
    CHECK(reply.status == 500);
    CHECK(reply.body == R"({"error":"Internal Server Error"})");
}
