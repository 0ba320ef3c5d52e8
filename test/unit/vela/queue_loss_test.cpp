#include "test/unit/vela/queue_fixture.h"

#include <csignal>

namespace slipway::vela {

using Catch::Contains;
using test::RedisServer;

TEST_CASE("a Redis that is restarted in the middle of a wait is found again", "[vela]")
{
    RedisServer redis;
    Worker worker{address_of(redis)};
    Taker taker{worker, {"one", "two"}, 30s};
    redis.await({"INFO", "clients"}, "blocked_clients:2");
    redis.stop();
    redis.start();
    redis.await({"INFO", "clients"}, "blocked_clients:2");
    redis.cli({"RPUSH", "two", "element"});
    CHECK(taker.result() == "two:element");
    CHECK(worker.count("the queue is away") == 1);
}

TEST_CASE("connections that were lost between two calls are no failure", "[vela]")
{
    RedisServer redis{"appendonly yes\nappendfsync always\n"};
    redis.cli({"RPUSH", "vela", "a", "b"});
    Worker worker{address_of(redis)};
    const auto taken = worker->take({"vela"}, 0ms, {});
    REQUIRE(taken);
    REQUIRE(*taken);
    redis.stop();
    redis.start();
    CHECK(worker->ping({}));
    redis.stop();
    redis.start();
    CHECK(worker->done(**taken, {}));
    CHECK(redis.cli({"EXISTS", "own"}) == "0");
    redis.stop();
    redis.start();
    CHECK(worker.take({"vela"}, 10s) == "vela:b");
}

TEST_CASE("a Redis that is away is said to be unreachable, and a stop ends the attempts", "[vela]")
{
    Worker worker{"redis://127.0.0.1:1"};
    const auto away = worker->take({"vela"}, 50ms, {});
    REQUIRE_FALSE(away);
    CHECK(away.error().code() == Errc::unreachable);
    CHECK(worker->ping({}).error().code() == Errc::unreachable);
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(worker->take({"vela"}, 60s, stopped.get_token()).error().code() == Errc::cancelled);
    CHECK(worker->ping(stopped.get_token()).error().code() == Errc::cancelled);
}

TEST_CASE("a stop ends a wait for a Redis that is silent", "[vela]")
{
    const RedisServer redis;
    Worker worker{address_of(redis)};
    Taker taker{worker, {"one", "two"}, 60s};
    redis.await({"INFO", "clients"}, "blocked_clients:2");
    redis.signal(SIGSTOP);
    taker.stop();
    CHECK_THAT(taker.result(), Contains("stopped"));
    redis.signal(SIGCONT);
}

TEST_CASE("an element whose answer was lost is found in the worker's list", "[vela]")
{
    const RedisServer redis;
    Worker worker{address_of(redis)};
    {
        Taker taker{worker, {"vela"}, 60s};
        redis.await({"INFO", "clients"}, "blocked_clients:1");
        redis.cli({"RPUSH", "own", "lost"});
        redis.cli({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
        CHECK(taker.result() == ":lost");
    }
    CHECK(worker.take({"vela"}) == "nothing");
}

TEST_CASE("after a failover the new master is asked for from the Sentinels", "[vela]")
{
    RedisServer master;
    RedisServer replica{
        "replicaof 127.0.0.1 " + std::to_string(master.port()) + "\nrepl-diskless-sync-delay 0\n"};
    const RedisServer sentinel{"sentinel monitor queue 127.0.0.1 " + std::to_string(master.port())
            + " 1\nsentinel down-after-milliseconds queue 500\nsentinel failover-timeout queue 2000\n",
        true};
    replica.await({"INFO", "replication"}, "master_link_status:up");
    sentinel.await({"SENTINEL", "master", "queue"}, "num-slaves\n1");
    master.cli({"RPUSH", "vela", "before"});
    Worker worker{"redis://queue,127.0.0.1:1," + sentinel.host(), true};
    CHECK(worker.take({"vela"}) == "vela:before");
    Taker taker{worker, {"vela", "other"}, 40s};
    master.await({"INFO", "clients"}, "blocked_clients:2");
    master.stop();
    replica.await({"INFO", "replication"}, "role:master");
    replica.await({"INFO", "clients"}, "blocked_clients:2");
    replica.cli({"RPUSH", "other", "after"});
    CHECK(taker.result() == "other:after");
    Worker stranger{"redis://unknown," + sentinel.host(), true};
    CHECK_THAT(stranger.take({"vela"}), Contains("knows no master of this name"));
}

} // namespace slipway::vela
