#include "launcher/vela/redis_address.h"

#include <catch2/catch.hpp>

namespace slipway::vela {

namespace {

RedisAddress parsed(const std::string& text, bool sentinel = false)
{
    auto address = parse_redis_address(text, sentinel);
    INFO(text << ": " << (address ? "" : address.error().message()));
    REQUIRE(address);
    return *std::move(address);
}

std::string complaint(const std::string& text, bool sentinel = false)
{
    const auto address = parse_redis_address(text, sentinel);
    INFO(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code() == Errc::invalid_input);
    return address.error().message();
}

} // namespace

using Catch::Contains;

TEST_CASE("a Redis address names host, port, database, user and password", "[vela]")
{
    const auto bare = parsed("redis://queue");
    CHECK(bare.hosts.front().text() == "queue:6379");
    CHECK(bare.database == 0);
    CHECK(bare.password.empty());
    CHECK_FALSE(bare.tls);

    const auto whole = parsed("rediss://us%65r:p%40ss:w%2Frd@queue.example:7000/3");
    CHECK(whole.tls);
    CHECK(whole.user == "user");
    CHECK(whole.password.reveal() == "p@ss:w/rd");
    CHECK(whole.hosts.front().text() == "queue.example:7000");
    CHECK(whole.database == 3);

    CHECK(parsed("redis://:secret@[::1]:7000").hosts.front().text() == "[::1]:7000");
    CHECK(parsed("redis://:a@b@c").password.reveal() == "a@b");
    CHECK(parsed("redis://").hosts.front().text() == "localhost:6379");
}

TEST_CASE("a Redis address may be a Unix socket", "[vela]")
{
    const auto address = parsed("unix://user:secret@/run/re%20dis/sock?db=2");
    CHECK(address.hosts.front().name == "/run/re dis/sock");
    CHECK(address.hosts.front().port == 0);
    CHECK(address.user == "user");
    CHECK(address.database == 2);
    CHECK_THAT(complaint("unix://relative"), Contains("path of a socket"));
    CHECK_THAT(complaint("unix:///run/sock", true), Contains("VELA_QUEUE_CLUSTER"));
}

TEST_CASE("the options of a Redis address are honoured or refused by name", "[vela]")
{
    const auto address = parsed("redis://q/1?db=4&dial_timeout=250ms&pool_size=20&max_retries=5");
    CHECK(address.database == 4);
    CHECK(address.dial_timeout == std::chrono::milliseconds{250});
    CHECK(parsed("redis://q?dial_timeout=3").dial_timeout == std::chrono::seconds{3});
    CHECK_THAT(complaint("rediss://q?skip_verify=true"), Contains("skip_verify"));
    CHECK_THAT(complaint("redis://q?colour=red"), Contains("colour"));
    CHECK_THAT(complaint("redis://q?db=two"), Contains("database"));
    CHECK_THAT(complaint("redis://q?dial_timeout=soon"), Contains("dial_timeout"));
}

TEST_CASE("a Sentinel address names the master and its Sentinels", "[vela]")
{
    for (const std::string text :
        {"redis://:secret@mymaster,one:26379,two/5", "redis://:secret@[mymaster,one,two:26379]/5"}) {
        const auto address = parsed(text, true);
        CHECK(address.master == "mymaster");
        REQUIRE(address.hosts.size() == 2);
        CHECK(address.hosts[0].text() == "one:26379");
        CHECK(address.hosts[1].text() == "two:26379");
        CHECK(address.database == 5);
        CHECK(address.password.reveal() == "secret");
    }
    CHECK_THAT(complaint("redis://mymaster", true), Contains("Sentinels"));
}

TEST_CASE("a wrong Redis address is named, and never its password", "[vela]")
{
    for (const std::string text : {"redis://u:Passw0rd@q:70000", "redis://u:Passw0rd%4@q",
             "redis://u:Passw0rd@q/x", "http://u:Passw0rd@q", "redis://u:Passw0rd@q/1/2",
             "redis://u:Pass#w0rd@q", "redis://u:Passw0rd?x@q", "redis://u:Passw0rd@q?passw0rd=1",
             "redis://:Passw0rd/x@q", "redis://u:Passw0rd@[::1", "redis://Passw0rd@q", "Passw0rd"}) {
        const std::string message = complaint(text);
        CHECK_THAT(message, !Contains("w0rd"));
    }
    CHECK_THAT(complaint("amqp://queue"), Contains("redis://"));
    CHECK_THAT(complaint("redis://" + std::string(9000, 'a')), Contains("8192"));
}

} // namespace slipway::vela
