#include "test/unit/http-server/raw_client.h"
#include "test/unit/http-server/running_server.h"

#include <catch2/catch.hpp>

#include <atomic>

using namespace slipway;
using namespace slipway::test;
using http::Reply;
using http::Request;

namespace {

struct Seen {
    std::atomic<int> made{0};
    std::atomic<int> finished{0};
    std::atomic<int> destroyed{0};
    std::atomic<std::size_t> largest{0};
};

class CountingSink final : public http::BodySink {
public:
    explicit CountingSink(Seen& seen)
        : seen_{seen}
    {
        ++seen_.made;
    }

    ~CountingSink() override { ++seen_.destroyed; }

    Result<void> write(std::string_view bytes) override
    {
        seen_.largest = std::max(seen_.largest.load(), bytes.size());
        size_ += bytes.size();
        if (bytes.find("poison") != std::string_view::npos)
            return Error{Errc::conflict, "the fence is down"};
        return {};
    }

    Result<Reply> finish(const Request& request) override
    {
        ++seen_.finished;
        return Reply::text(200, std::string{request.parameter("id")} + " " + std::to_string(size_));
    }

private:
    Seen& seen_;
    std::size_t size_ = 0;
};

http::Router sink_router(Seen& seen)
{
    http::Router router = small_router();
    const auto factory = [&seen](const Request& request) -> Result<http::SinkOrReply> {
        if (request.parameter("id") == "gone")
            return Reply::problem(410, "it is over");
        if (request.parameter("id") == "throws")
            throw std::runtime_error{"a bug"};
        return std::make_unique<CountingSink>(seen);
    };
    router.add_sink("POST", "/logs/{id}", factory, {.body_limit = 4 * 1024 * 1024});
    return router;
}

} // namespace

TEST_CASE("A sink gets the body in pieces of at most 64 KiB, and its end answers")
{
    Seen seen;
    RunningServer server{sink_router(seen)};
    RawClient client{server.port()};
    client.send(post("/logs/7", std::string(3 * 1024 * 1024, 'x')));
    CHECK(client.reply().body == "7 3145728");
    CHECK(seen.largest <= 65536);
    client.send(post("/logs/8", ""));
    CHECK(client.reply().body == "8 0");
    CHECK(seen.destroyed == 2);
}

TEST_CASE("A sink that is refused costs the peer no body")
{
    Seen seen;
    RunningServer server{sink_router(seen)};
    const auto [id, status] = GENERATE(table<std::string, int>({{"gone", 410}, {"throws", 500}}));
    RawClient client{server.port()};
    client.send(
        "POST /logs/" + id + " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    CHECK(client.reply().status == status);
    CHECK(client.rest().empty());
    CHECK(seen.made == 0);
}

TEST_CASE("A declared body over the route's limit is refused before the sink is made")
{
    Seen seen;
    RunningServer server{sink_router(seen)};
    RawClient client{server.port()};
    client.send("POST /logs/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 4194305\r\n\r\n");
    CHECK(client.reply().status == 413);
    CHECK(seen.made == 0);
}

TEST_CASE("A write that fails answers at once and destroys the sink")
{
    Seen seen;
    RunningServer server{sink_router(seen)};
    RawClient client{server.port()};
    client.send("POST /logs/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\npoison");
    CHECK(client.reply().status == 409);
    CHECK(seen.finished == 0);
    CHECK(seen.destroyed == 1);
}

TEST_CASE("A body that breaks off destroys the sink without its end")
{
    Seen seen;
    RunningServer server{sink_router(seen)};
    RawClient client{server.port()};
    client.send("POST /logs/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
    REQUIRE(comes_true([&] { return seen.made == 1; }));
    client.abort();
    CHECK(comes_true([&] { return seen.destroyed == 1; }));
    CHECK(seen.finished == 0);
    CHECK(comes_true([&] { return server.stats().connections == 0; }));
}
