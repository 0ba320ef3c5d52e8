#include "test/unit/http-client/test_ca.h"
#include "test/unit/vela/queue_fixture.h"

#include <cstdlib>

namespace slipway::vela {

using Catch::Contains;
using test::RedisServer;

TEST_CASE("the password of the address is used, a wrong one is named and never shown", "[vela]")
{
    const RedisServer redis{"requirepass S3cret\nuser ci on >Pa$$ ~* &* +@all\n"};
    for (const std::string login : {":S3cret", "default:S3cret", "ci:Pa$$"}) {
        Worker worker{"redis://" + login + "@" + redis.host()};
        CHECK(worker->ping({}));
    }
    for (const std::string login : {":Wr0ng", "ci:Wr0ng", "nobody:Wr0ng"}) {
        Worker worker{"redis://" + login + "@" + redis.host()};
        const auto refused = worker->ping({});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == Errc::rejected);
        CHECK_THAT(refused.error().message(), Contains("password"));
        CHECK_THAT(worker.take({"vela"}, 1s), Contains("password") && !Contains("Wr0ng"));
        CHECK_THAT(worker.log(), !Contains("Wr0ng"));
    }
    Worker nobody{address_of(redis)};
    CHECK_THAT(nobody.take({"vela"}), Contains("asks for a password"));
}

TEST_CASE("what Redis repeats of a login is not shown", "[vela]")
{
    const RedisServer redis{"rename-command AUTH \"\"\n"};
    Worker worker{"redis://ci:S3cret@" + redis.host()};
    CHECK_THAT(worker.take({"vela"}), Contains("password") && !Contains("S3cret"));
}

TEST_CASE("where Redis refuses to move, elements are popped, with one warning", "[vela]")
{
    const std::string acl = GENERATE("+@all -lmove -blmove", "+blpop +ping +lpush", "+@all -lrem");
    const RedisServer redis{"user ci on >secret ~* &* " + acl + "\n"};
    redis.cli({"RPUSH", "two", "t1"});
    Worker worker{"redis://ci:secret@" + redis.host()};
    CHECK(worker->left_over({})->empty());
    const auto taken = worker->take({"one", "two"}, 1s, {});
    REQUIRE(taken);
    REQUIRE(*taken);
    CHECK((*taken)->element == "t1");
    REQUIRE(worker->give_back(**taken, {}));
    CHECK(redis.cli({"LRANGE", "two", "0", "-1"}) == "t1");
    CHECK(worker.take({"one", "two"}, 1s) == "two:t1");
    REQUIRE(worker->done(**taken, {}));
    {
        Taker taker{worker, {"one", "two"}, 30s};
        redis.await({"INFO", "clients"}, "blocked_clients:1");
        redis.cli({"RPUSH", "one", "o1"});
        CHECK(taker.result() == "one:o1");
    }
    CHECK(redis.cli({"EXISTS", "own"}) == "0");
    CHECK(worker.count("Redis does not let") == 1);
}

TEST_CASE("where a user may not even pop, the refusal is returned", "[vela]")
{
    const RedisServer redis{"user ci on >secret ~* &* +ping\n"};
    Worker worker{"redis://ci:secret@" + redis.host()};
    const auto refused = worker->take({"vela"}, 1s, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
    CHECK_THAT(refused.error().message(), Contains("BLPOP"));
}

TEST_CASE("the database and the Unix socket of the address are used", "[vela]")
{
    const RedisServer redis;
    redis.cli({"-n", "3", "RPUSH", "vela", "three"});
    Worker tcp{address_of(redis) + "/3"};
    CHECK(tcp.take({"vela"}) == "vela:three");
    redis.cli({"-n", "4", "RPUSH", "vela", "four"});
    Worker local{"unix://" + redis.socket().string() + "?db=4"};
    CHECK(local.take({"vela"}) == "vela:four");
    Worker none{address_of(redis) + "/99"};
    CHECK_THAT(none.take({"vela"}), Contains("database 99"));
}

TEST_CASE("a Redis with TLS is used when its certificate is trusted, and only then", "[vela]")
{
    const test::TestCa authority;
    const auto files = authority.issue("localhost");
    const RedisServer redis{"tls-port 0\ntls-auth-clients no\ntls-cert-file " + files.certificate.string()
        + "\ntls-key-file " + files.key.string() + "\ntls-ca-cert-file " + authority.certificate().string()
        + "\n"};
    const std::string address = "rediss://localhost:" + std::to_string(redis.port());
    {
        Worker worker{address};
        const auto refused = worker->ping({});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == Errc::rejected);
        CHECK_THAT(refused.error().message(), Contains("SSL_CERT_FILE"));
    }
    ::setenv("SSL_CERT_FILE", authority.certificate().c_str(), 1);
    Worker worker{address};
    redis.cli({"EVAL", "redis.call('RPUSH','vela',string.rep('x',3000000))", "0"});
    const auto large = worker->take({"vela"}, 0ms, {});
    REQUIRE(large);
    REQUIRE(*large);
    CHECK((*large)->element.size() == 3000000);
    REQUIRE(worker->give_back(**large, {}));
    CHECK(worker->take({"vela"}, 0ms, {}));
    Taker taker{worker, {"one", "two"}, 30s};
    redis.await({"INFO", "clients"}, "blocked_clients:2");
    redis.cli({"RPUSH", "two", "element"});
    CHECK(taker.result() == "two:element");
    Worker other{"rediss://" + redis.host()}; // Its certificate is for the name.
    CHECK(other->ping({}).error().code() == Errc::rejected);
    ::unsetenv("SSL_CERT_FILE");
}

} // namespace slipway::vela
