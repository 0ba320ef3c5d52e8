#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

#include <stdexcept>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::ServerPhase;
using protocol::StageKind;
using House = EngineHouse;

namespace {

bool is_started(House& house, const std::string& id)
{
    return house.backend.wait_until(
        [&] { return house.backend.stage(id).phase == ServerPhase::started; }, 20s);
}

/// A process whose report of the start arrived, and that died before it was answered.
std::string die_before_the_answer(House& house, StageKind kind)
{
    house.hook = [&](std::string_view step) {
        if (step == "before started")
            house.backend.lose_answers(1'000'000);
    };
    auto id = house.add(kind);
    REQUIRE(is_started(house, id));
    house.leave();
    house.hook = {};
    house.backend.lose_answers(0);
    return id;
}

/// The next process is told to leave before it knows what became of the container.
void begin_and_leave(House& house)
{
    house.host.set_away(true);
    house.start();
    REQUIRE(house.backend.wait_until([&] { return !house.supervisor->status().stages.empty(); }, 20s));
    house.supervisor->stop_jobs();
    house.host.set_away(false);
}

/// The container is gone, and the process that finds it so dies while it makes another one.
void die_again(House& house, const std::string& id)
{
    house.host.lose(id);
    house.host.fail_image(Error{Errc::unreachable, "the registry is away"});
    house.start();
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(id).find("not ready yet") != std::string::npos; }, 20s));
    house.leave();
}

} // namespace

TEST_CASE("what was reported as started is not declined by a launcher that is told to leave")
{
    House house;
    const auto kind = GENERATE(StageKind::write, StageKind::read);
    const bool crashed_twice = GENERATE(true, false);
    const auto id = die_before_the_answer(house, kind);
    if (crashed_twice)
        die_again(house, id);
    else
        house.host.lose(id);
    begin_and_leave(house);
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::lost);
    CHECK(report.cause == "lost");
    CHECK(report.message.find("its container is gone") != std::string::npos);
    CHECK(house.wait_idle());
    CHECK(house.backend.declined() == 0);
    CHECK(house.backend.stage(id).phase
        == (kind == StageKind::write ? ServerPhase::lost : ServerPhase::waiting));
    CHECK(house.host.started().empty());
}

TEST_CASE("what was reported as started is not declined when it cannot be made ready again")
{
    House house;
    const auto id = die_before_the_answer(house, StageKind::write);
    die_again(house, id);
    house.start();
    REQUIRE(house.backend.wait_until([&] { return house.tally.docker_errors > 1; }, 20s));
    house.clock.jump(house.settings.prepare_limit + 1min);
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "internal");
    CHECK(report.message.find("the registry is away") != std::string::npos);
    CHECK(house.backend.declined() == 0);
}

TEST_CASE("what was confirmed as started and never began is not declined by the next process")
{
    House house;
    house.hook = [](std::string_view step) {
        if (step == "before run frame")
            throw std::runtime_error{"as if the process had died here"};
    };
    const auto id = house.add(StageKind::write);
    REQUIRE(is_started(house, id));
    REQUIRE(house.backend.wait_until(
        [&] { return house.log_text().find("had died here") != std::string::npos; }, 20s));
    house.leave();
    house.hook = {};
    begin_and_leave(house);
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.message == "stopped on request before its first command");
    CHECK(house.wait_idle());
    CHECK(house.backend.declined() == 0);
    CHECK(house.host.started().empty());
}
