#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageEvent;
using protocol::StageKind;
using House = EngineHouse;

namespace {

auto count_of(const std::vector<protocol::StateReport>& reports, StageEvent event)
{
    return std::count_if(
        reports.begin(), reports.end(), [&](const auto& report) { return report.event == event; });
}

} // namespace

TEST_CASE("a host that sleeps for a whole lease before the first command asks again whether it may begin")
{
    House house;
    std::atomic<int> started{0};
    house.hook = [&](std::string_view step) {
        if (step == "started" && ++started == 1)
            house.clock.jump(6min); // a lease is 5
    };
    const auto id = house.add(StageKind::write);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(count_of(house.backend.reports(id), StageEvent::started) == 2);
    CHECK(house.host.started().size() == 2);
}

TEST_CASE("a host that sleeps until its stage was given up begins nothing")
{
    House house;
    house.hook = [&](std::string_view step) {
        if (step == "started")
            house.clock.jump(3h);
    };
    const auto id = house.add(StageKind::write);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.stage(id).phase == protocol::ServerPhase::lost; }, 20s));
    CHECK(house.wait_idle());
    CHECK(house.host.started().empty());
}

TEST_CASE("a stop that comes just before the first command lets nothing begin")
{
    House house;
    house.hook = [&](std::string_view step) {
        if (step == "started")
            house.supervisor->stop_jobs();
    };
    const auto report = house.finished(house.add(StageKind::write));
    CHECK(report.cause == "stopped");
    CHECK(report.message == "stopped on request before its first command");
    CHECK(house.host.started().empty());
}
