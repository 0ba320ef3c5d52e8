#include "launcher/vela/redis_reply.h"

#include <catch2/catch.hpp>

namespace slipway::vela {

namespace {

std::optional<RedisReply> read(RedisReader& reader, std::string_view bytes)
{
    REQUIRE(reader.feed(bytes));
    auto reply = reader.next();
    REQUIRE(reply);
    return *std::move(reply);
}

} // namespace

TEST_CASE("replies of Redis are put together from pieces", "[vela]")
{
    RedisReader reader;
    CHECK_FALSE(read(reader, "*2\r\n$4\r\nve"));
    const auto list = read(reader, std::string_view{"la\r\n$3\r\na\0b\r\n:7\r", 16});
    REQUIRE(list);
    REQUIRE(list->list.size() == 2);
    CHECK(list->list[0].text == "vela");
    CHECK(list->list[1].text == std::string{"a\0b", 3});
    CHECK(read(reader, "\n")->integer == 7);
    CHECK(read(reader, "-NOPERM no\r\n")->error_code() == "NOPERM");
    CHECK(read(reader, "$-1\r\n")->kind == RedisReply::Kind::nil);
}

TEST_CASE("a reply over 16 MiB is refused, and so is a list that would be too long", "[vela]")
{
    RedisReader reader;
    REQUIRE(reader.feed("$99999999\r\n"));
    const std::string piece(1U << 20U, 'x');
    for (int i = 0; i < 16; ++i)
        REQUIRE(reader.feed(piece));
    CHECK(reader.feed(piece).error().code() == Errc::exhausted);

    RedisReader other;
    REQUIRE(other.feed("*2000000000\r\n"));
    CHECK(other.next().error().code() == Errc::unreachable);
    RedisReader third;
    REQUIRE(third.feed("HTTP/1.1 400 Bad Request\r\n\r\n"));
    CHECK(third.next().error().code() == Errc::unreachable);
}

} // namespace slipway::vela
