#include "mothership/clones.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;

namespace {

constexpr protocol::Millis kMinute = 60'000;

/// Registers, and says whether that is refused.
bool refused(Registrations& registrations, const std::string& process, protocol::Millis now,
    const std::string& host = "h", const std::string& boot = "b")
{
    note_registration(registrations, {.process = process, .hostname = host, .boot_id = boot}, now);
    return registrations.clones(now);
}

/// Two processes that take turns until they are found out.
Registrations clones(protocol::Millis& now)
{
    Registrations registrations;
    for (int turn = 0; !refused(registrations, turn % 2 == 0 ? "p1" : "p2", ++now); ++turn)
        REQUIRE(turn < 10);
    return registrations;
}

} // namespace

TEST_CASE("one launcher may register as often as it likes, and each restart is another process")
{
    Registrations registrations;
    for (int i = 0; i < 50; ++i)
        CHECK_FALSE(refused(registrations, "same", i));
    for (int i = 0; i < 50; ++i)
        CHECK_FALSE(refused(registrations, "process " + std::to_string(i), 100 + i));
}

TEST_CASE("a registration of a dead process that arrives late is no proof")
{
    Registrations registrations;
    CHECK_FALSE(refused(registrations, "dead", 1));
    CHECK_FALSE(refused(registrations, "successor", 2));
    CHECK_FALSE(refused(registrations, "dead", 3));
    CHECK_FALSE(refused(registrations, "successor", 4));
    CHECK_FALSE(refused(registrations, "successor", 4 + kMinute));
    CHECK_FALSE(refused(registrations, "dead", 5 + kMinute));
}

TEST_CASE("processes that take turns are clones, however many they are, and all of them are refused")
{
    for (int count = 2; count <= 5; ++count) {
        Registrations registrations;
        protocol::Millis now = 0;
        bool found = false;
        for (int turn = 0; turn < 20 && !found; ++turn)
            found = refused(registrations, "p" + std::to_string(turn % count), ++now,
                "host-" + std::to_string(turn % count));
        CHECK(found);
        for (int one = 0; one < count; ++one)
            CHECK(refused(registrations, "p" + std::to_string(one), ++now, "host-" + std::to_string(one)));
        CHECK(clones_text(registrations).find("host-0 (boot b), host-1 (boot b)") != std::string::npos);
        CHECK(clones_text(registrations).find("`instance`") != std::string::npos);
    }
}

TEST_CASE("clones are refused while more than one of them asks, the one that stays is taken a minute later")
{
    protocol::Millis now = 0;
    auto registrations = clones(now);
    for (int round = 0; round < 5; ++round) {
        CHECK(refused(registrations, "p1", now += kMinute / 3));
        CHECK(refused(registrations, "p2", now += kMinute / 3));
    }
    SECTION("it goes on asking")
    {
        CHECK(refused(registrations, "p1", now += 15'000));
        for (int i = 0; i < 3; ++i)
            CHECK(refused(registrations, "p1", now += 15'000));
        CHECK_FALSE(refused(registrations, "p1", now += 15'000));
    }
    SECTION("it is started again and again")
    {
        CHECK(refused(registrations, "p3", now += 20'000));
        CHECK(refused(registrations, "p4", now += 20'000));
        CHECK_FALSE(refused(registrations, "p5", now += 21'000));
    }
    SECTION("on another host than the last one that asked")
    {
        CHECK(refused(registrations, "p3", now += 50'000, "other"));
        CHECK(refused(registrations, "p3", now += 50'000, "other"));
        CHECK_FALSE(refused(registrations, "p3", now += 11'000, "other"));
    }
}

TEST_CASE("registrations are read as they were written")
{
    protocol::Millis now = 7;
    const auto before = clones(now);
    const auto after = read_registrations(to_json(before));
    REQUIRE(after);
    CHECK(to_json(*after) == to_json(before));
    CHECK(after->clones(now));
    CHECK(after->recent.at(1).process == before.recent.at(1).process);
}
