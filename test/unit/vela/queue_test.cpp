#include "test/unit/vela/queue_fixture.h"

namespace slipway::vela {

using test::RedisServer;

namespace {

Taken must_take(Worker& worker, const std::vector<std::string>& routes)
{
    auto taken = worker->take(routes, 0ms, {});
    REQUIRE(taken);
    REQUIRE(*taken);
    return **std::move(taken);
}

} // namespace

TEST_CASE("elements are taken in the order of the routes, and in that of their pushes", "[vela]")
{
    const RedisServer redis;
    redis.cli({"RPUSH", "late", "l1"});
    redis.cli({"RPUSH", "vela", "v1", "v2"});
    Worker worker{address_of(redis)};
    CHECK(worker.take({"vela", "late"}) == "vela:v1");
    CHECK(worker.take({"vela", "late"}) == "vela:v2");
    CHECK(worker.take({"vela", "late"}) == "late:l1");
    CHECK(worker.take({"vela", "late"}) == "nothing");
    CHECK(redis.cli({"LRANGE", "own", "0", "-1"}) == "v1\nv2\nl1");
    CHECK(worker.take({"vela", "late"}, 30ms) == "nothing");
}

TEST_CASE("a push ends the wait on any of the routes", "[vela]")
{
    const RedisServer redis;
    Worker worker{address_of(redis)};
    for (const std::string route : {"one", "two", "three"}) {
        Taker taker{worker, {"one", "two", "three"}, 30s};
        redis.await({"INFO", "clients"}, "blocked_clients:3");
        redis.cli({"RPUSH", route, "element"});
        CHECK(taker.result() == route + ":element");
        CHECK(redis.cli({"INFO", "clients"}).find("blocked_clients:0") != std::string::npos);
    }
}

TEST_CASE(
    "of elements that come to several routes at once, one is kept and the rest go back to the head", "[vela]")
{
    const RedisServer redis;
    Worker worker{address_of(redis)};
    Taker taker{worker, {"one", "two"}, 30s};
    redis.await({"INFO", "clients"}, "blocked_clients:2");
    redis.cli({"EVAL", "redis.call('RPUSH','two','t1','t2') redis.call('RPUSH','one','o1')", "0"});
    CHECK(taker.result() == "one:o1");
    CHECK(redis.cli({"LRANGE", "two", "0", "-1"}) == "t1\nt2");
    CHECK(redis.cli({"LRANGE", "own", "0", "-1"}) == "o1");
}

TEST_CASE(
    "an element that is not done is found by the next process of this worker, the oldest first", "[vela]")
{
    const RedisServer redis;
    redis.cli({"RPUSH", "vela", "a", "b", "c"});
    {
        Worker crashed{address_of(redis)};
        const Taken first = must_take(crashed, {"vela"});
        must_take(crashed, {"vela"});
        must_take(crashed, {"vela"});
        REQUIRE(crashed->done(first, {}));
        REQUIRE(crashed->done(first, {}));
    }
    Worker worker{address_of(redis)};
    const auto left = worker->left_over({});
    REQUIRE(left);
    REQUIRE(left->size() == 2);
    CHECK((*left)[0].element == "b");
    CHECK((*left)[0].route.empty());
    CHECK((*left)[1].element == "c");
    CHECK(worker->left_over({})->empty());
    CHECK(worker->give_back((*left)[0], {}).error().code() == Errc::invalid_input);
    for (const auto& taken : *left)
        REQUIRE(worker->done(taken, {}));
    CHECK(redis.cli({"EXISTS", "own"}) == "0");
}

TEST_CASE("an element is given back to the head of its route, once", "[vela]")
{
    const RedisServer redis;
    redis.cli({"RPUSH", "vela", "a", "b"});
    Worker worker{address_of(redis)};
    const Taken taken = must_take(worker, {"vela"});
    REQUIRE(worker->give_back(taken, {}));
    REQUIRE(worker->give_back(taken, {}));
    CHECK(redis.cli({"LRANGE", "vela", "0", "-1"}) == "a\nb");
    CHECK(redis.cli({"EXISTS", "own"}) == "0");
}

TEST_CASE("binary elements of many MiB come through, larger ones are dropped and named", "[vela]")
{
    const RedisServer redis;
    redis.cli({"EVAL",
        "redis.call('RPUSH','vela',string.rep('x\\0\\r\\n',4194300), string.rep('y',17825792),'z')", "0"});
    Worker worker{address_of(redis)};
    const Taken large = must_take(worker, {"vela"});
    CHECK(large.element.size() == 4 * 4194300);
    CHECK(large.element.starts_with(std::string{"x\0\r\nx", 5}));
    REQUIRE(worker->give_back(large, {}));
    REQUIRE(must_take(worker, {"vela"}).element == large.element);
    CHECK(worker.take({"vela"}, 10s) == "vela:z");
    CHECK(worker.count("over 16 MiB") >= 1);
    REQUIRE(worker->done(large, {}));
    CHECK(redis.cli({"LRANGE", "own", "0", "-1"}) == "z");
}

TEST_CASE("a stop ends the wait and leaves no element behind", "[vela]")
{
    const RedisServer redis;
    Worker worker{address_of(redis)};
    Taker taker{worker, {"one", "two"}, 60s};
    redis.await({"INFO", "clients"}, "blocked_clients:2");
    taker.stop();
    CHECK(taker.result() == "error: stopped while waiting for Redis");
    CHECK(redis.cli({"INFO", "clients"}).find("blocked_clients:0") != std::string::npos);
    redis.cli({"RPUSH", "one", "element"});
    CHECK(redis.cli({"LLEN", "one"}) == "1");
    CHECK(worker.take({"one", "two"}) == "one:element");
}

TEST_CASE("a queue without routes, or with its own list as one, is refused", "[vela]")
{
    Worker worker{"redis://127.0.0.1:1"};
    CHECK(worker->take({}, 0ms, {}).error().code() == Errc::invalid_input);
    CHECK(worker->take({"vela", "own"}, 0ms, {}).error().code() == Errc::invalid_input);
}

} // namespace slipway::vela
