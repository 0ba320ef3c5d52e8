#include "common/http/server_topics.h"

#include <catch2/catch.hpp>

using slipway::http::Topics;

TEST_CASE("A notification between the look and the wait refuses the wait")
{
    Topics topics;
    const auto since = topics.now();
    topics.notify("pool");
    CHECK(topics.wait({"other", "pool"}, since, [] {}) == 0);
    CHECK(topics.wait({"pool"}, topics.now(), [] {}) != 0);
}

TEST_CASE("A wait is woken once, by any of its topics and by no other")
{
    Topics topics;
    int woken = 0;
    const auto ticket = topics.wait({"a", "b"}, topics.now(), [&] { ++woken; });
    topics.notify("c");
    topics.notify("ab");
    CHECK(woken == 0);
    topics.notify("b");
    topics.notify("a");
    CHECK(woken == 1);
    topics.leave(ticket, {"a", "b"});
}

TEST_CASE("A wait that was left is not woken")
{
    Topics topics;
    bool first = false;
    bool second = false;
    const auto ticket = topics.wait({"a"}, topics.now(), [&] { first = true; });
    static_cast<void>(topics.wait({"a"}, topics.now(), [&] { second = true; }));
    topics.leave(ticket, {"a"});
    topics.notify("a");
    CHECK_FALSE(first);
    CHECK(second);
}
