#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::CommandKind;
using protocol::Outcome;
using protocol::StageKind;
using House = EngineHouse;

TEST_CASE("an image that cannot be had fails the stage with Docker's words, in the log too")
{
    House house;
    house.host.fail_image(Error{Errc::not_found, "docker: 404: manifest unknown"});
    const auto id = house.add();
    const auto report = house.finished(id);
    CHECK(report.cause == "image");
    CHECK(report.message.find("manifest unknown") != std::string::npos);
    CHECK(house.backend.log(id).find("manifest unknown") != std::string::npos);
    CHECK(report.log_end == house.backend.log(id).size());
}

TEST_CASE("while Docker does not answer nothing is taken, and afterwards the run is run")
{
    House house;
    house.host.set_away(true);
    REQUIRE(house.wait_docker(false));
    REQUIRE(house.wait_polls(1)); // one from before may still offer a place
    const auto id = house.add();
    REQUIRE(house.wait_polls(3));
    CHECK(house.backend.stage(id).phase == protocol::ServerPhase::waiting);
    CHECK(house.backend.declined() == 0);
    house.host.set_away(false);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
}

TEST_CASE("an offer that comes when Docker does not answer is declined before it is accepted")
{
    House house;
    house.host.set_away(true);
    REQUIRE(house.wait_docker(false));
    house.backend.offer_always(true);
    const auto id = house.add();
    REQUIRE(house.backend.wait_until([&] { return house.backend.declined() > 0; }, 20s));
    CHECK(house.backend.reports(id).empty());
    CHECK(std::filesystem::is_empty(house.directory.path() / "state" / "jobs"));
}

TEST_CASE("a slot is made while the accept is under way, and removed if the stage is refused")
{
    House house;
    std::promise<std::string> added;
    std::atomic<bool> made{false};
    house.hook = [&, id = added.get_future().share()](std::string_view step) {
        if (step != "before accept")
            return;
        made = house.backend.wait_until([&] { return !house.host.names().empty(); }, 20s);
        house.backend.cancel(id.get());
    };
    added.set_value(house.add());
    CHECK(house.backend.wait_until([&] { return made && house.host.names().empty(); }, 20s));
    CHECK(house.backend.wait_until(
        [&] { return std::filesystem::is_empty(house.directory.path() / "state" / "jobs"); }, 20s));
    CHECK(house.host.started().empty());
}

TEST_CASE("a failure of the worker while a stage is made ready is waited for and fails nothing")
{
    const auto code
        = GENERATE(Errc::unreachable, Errc::timed_out, Errc::exhausted, Errc::internal, Errc::cancelled);
    House house;
    house.host.fail_image(Error{code, "docker: not now"});
    const auto id = house.add();
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(id).find("not ready yet, trying again") != std::string::npos; }, 20s));
    house.host.fail_image(std::nullopt);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
}

TEST_CASE("a stage that cannot be made ready in time is given back and not failed")
{
    House house{[](EngineSettings& settings) { settings.prepare_limit = 0ms; }};
    house.host.fail_image(Error{Errc::unreachable, "docker: nobody listens"});
    const auto id = house.add();
    REQUIRE(house.backend.wait_until([&] { return house.backend.declined() > 1; }, 20s));
    CHECK_FALSE(house.backend.finish(id));
    house.host.fail_image(std::nullopt);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.host.started().size() == 2);
}

TEST_CASE("what has not begun when the launcher is told to stop is given back and not failed")
{
    House house;
    house.host.fail_image(Error{Errc::unreachable, "docker: nobody listens"});
    const auto id = house.add();
    REQUIRE(house.backend.wait_until([&] { return !house.backend.log(id).empty(); }, 20s));
    house.supervisor->stop_jobs();
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK_FALSE(house.backend.finish(id));
    CHECK(house.backend.stage(id).phase == protocol::ServerPhase::waiting);
    CHECK(house.host.started().empty());
    house.supervisor.reset();
}

TEST_CASE("a stage that people stop before its first command is reported as stopped")
{
    House house;
    house.host.fail_image(Error{Errc::unreachable, "docker: nobody listens"});
    const auto id = house.add();
    REQUIRE(house.backend.wait_until([&] { return !house.backend.log(id).empty(); }, 20s));
    house.backend.cancel(id);
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "stopped");
    CHECK(house.backend.declined() == 0);
}

TEST_CASE("a backend that goes away in mid-run changes nothing but the time of delivery")
{
    House house;
    house.host.script("first-command", {.output = "begun\n", .exit = {.code = 0}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(1));
    house.backend.set_away(true);
    house.host.let_go();
    REQUIRE(house.wait_started(2));
    CHECK_FALSE(house.backend.finish(id));
    house.backend.set_away(false);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
}

TEST_CASE("answers that are lost do not make anything happen twice")
{
    House house;
    house.backend.lose_answers(5);
    house.host.script("first-command", {.output = "one\n"});
    const auto id = house.add(StageKind::write);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.host.started().size() == 2);
    const auto log = house.backend.log(id);
    CHECK(log.find("one\n") == log.rfind("one\n"));
    CHECK(house.wait_idle());
}

TEST_CASE("a session that is over is begun again, and what runs is not touched")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(1));
    const int before = house.backend.enrolments();
    house.backend.fail_next(1, Errc::rejected);
    REQUIRE(house.backend.wait_until([&] { return house.backend.enrolments() > before; }, 10s));
    house.host.let_go();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.host.started().size() == 2);
}

TEST_CASE("every call that finds its session over begins a new one")
{
    const auto event = GENERATE(
        protocol::StageEvent::started, protocol::StageEvent::phase, protocol::StageEvent::finished);
    House house;
    // It runs until the report of its phase was sent: that one is not made up for.
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    house.backend.refuse_report(event);
    const auto id = house.add();
    REQUIRE(house.wait_started(1));
    const auto began_anew = [&] { return house.backend.enrolments() == 2; };
    if (event != protocol::StageEvent::finished)
        CHECK(house.backend.wait_until(began_anew, 10s));
    house.host.let_go();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.backend.wait_until(began_anew, 10s));
}

TEST_CASE("an offer that cannot be read is declined, and nothing else suffers")
{
    House house;
    const auto id = house.add();
    house.backend.add_unreadable({.stage_id = {}, .fence = {}, .why = "$.commands[0].kind: is unknown"});
    house.backend.add_unreadable({.stage_id = id, .fence = {9, 9}, .why = "$.offers[0].image: is new"});
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.backend.wait_until([&] { return house.backend.declined() == 1; }, 10s));
    CHECK(house.log_text().find("is unknown") != std::string::npos);
}

TEST_CASE("a drain does not wait for a backend that is away")
{
    House house;
    // The second poll waits, and no command was answered that would be slept upon.
    REQUIRE(house.backend.wait_until([&] { return house.backend.polls() >= 2; }, 20s));
    house.clock.make_sleep_endless();
    house.backend.set_away(true);
    // The poll thread, after its failure, and the one that compares.
    REQUIRE(house.backend.wait_until([&] { return house.clock.sleepers() >= 2; }, 20s));
    house.supervisor->drain();
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::drained);
    house.supervisor.reset();
}

TEST_CASE("leases are renewed however often a poll is ended before its answer")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    house.add(StageKind::write);
    REQUIRE(house.wait_started(1));
    const int before = house.backend.short_polls();
    CHECK(house.backend.wait_until(
        [&] {
            house.clock.jump(16s);
            house.supervisor->drain(); // ends the poll under way
            return house.backend.short_polls() > before;
        },
        20s));
}

TEST_CASE("an exception in the poll thread costs one poll")
{
    House house;
    house.leave();
    house.throwing_enrolments = 2;
    house.start();
    CHECK(house.finished(house.add()).outcome == Outcome::succeeded);
    CHECK(house.log_text().find("out of memory, say") != std::string::npos);
}

TEST_CASE("a slot that cannot be asked at the start is not lost")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add(StageKind::write);
    REQUIRE(house.wait_started(1));
    house.leave();
    house.host.fail_next_adopt({Errc::unreachable, "docker: nobody listens"});
    house.start();
    house.host.let_go();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.host.started().size() == 2);
}

TEST_CASE("a grant that is not the newest any more is stopped, removed and not reported")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    const auto id = house.add(StageKind::read);
    REQUIRE(house.wait_started(1));
    REQUIRE(house.wait_polls(1)); // the next one names it
    house.backend.declare_lost(id); // waits until the lease is over, so that nothing is granted meanwhile
    CHECK(house.wait_idle());
    CHECK_FALSE(house.backend.finish(id));
    CHECK(std::filesystem::is_empty(house.directory.path() / "state" / "jobs"));
}

TEST_CASE("a container is left alone while it cannot be read whose it is")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add(StageKind::write);
    REQUIRE(house.wait_started(1));
    const auto slot = house.directory.path() / "state" / "jobs" / id / "slot";
    REQUIRE(replace_file(slot, "{\"record\":1}"));
    house.host.add_stray("stray", make_ulid(house.clock, house.random));
    // The stray goes in a round that began after the fact became unreadable.
    REQUIRE(house.backend.wait_until([&] { return house.host.names().size() == 1; }, 20s));
    CHECK(house.host.names() == std::vector<std::string>{"c1"});
    REQUIRE(replace_file(slot, R"({"record":"r","container":"c1","image_id":"i"})"));
    house.host.let_go();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
}

TEST_CASE("a launcher polls before it removes what earlier ones left")
{
    House house;
    house.leave();
    house.host.add_stray("stray", make_ulid(house.clock, house.random));
    house.host.hold_removals(true);
    house.start();
    CHECK(house.finished(house.add()).outcome == Outcome::succeeded);
    house.host.hold_removals(false);
    CHECK(house.wait_idle());
}

TEST_CASE("a container that no stage of the journal needs is removed")
{
    House house;
    house.host.add_stray("stray", make_ulid(house.clock, house.random));
    CHECK(house.backend.wait_until([&] { return house.host.names().empty(); }, 10s));
}
