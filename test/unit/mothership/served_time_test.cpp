#include "mothership/served_time.h"
#include "test/unit/mothership/control_desk.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using namespace std::chrono_literals;

TEST_CASE("served time counts while the control plane serves and ignores the wall clock")
{
    ControlDesk desk;
    const auto begin = desk.plane->now();
    desk.advance(10s);
    CHECK(desk.plane->now() == begin + 10'000);
    desk.clock.step_wall(-48h);
    CHECK(desk.plane->now() == begin + 10'000);
}

TEST_CASE("served time stands still while the control plane is away and never steps back after a kill")
{
    ControlDesk desk;
    desk.advance(10s);
    desk.clock.advance(700ms);
    const auto before = desk.plane->now();
    desk.plane.reset();
    desk.clock.advance(1h);
    desk.restart();
    const auto after = desk.plane->now();
    CHECK(after >= before);
    CHECK(after <= before + 5'000);
}

TEST_CASE("kill after kill, served time never runs ahead of the time that was served")
{
    ControlDesk desk;
    Millis truth = desk.plane->now();
    for (int round = 0; round < 20; ++round) {
        desk.advance(2s);
        truth += 2'000;
        const auto last = desk.plane->now();
        desk.restart();
        REQUIRE(desk.plane->now() >= last);
    }
    // What was reserved counts once, not once a kill.
    CHECK(desk.plane->now() <= truth + 6'000);
}

TEST_CASE("served time stands still when nothing could be reserved")
{
    ControlDesk desk;
    const auto begin = desk.plane->now();
    desk.clock.advance(1h);
    CHECK(desk.plane->now() <= begin + 5'000);
}
