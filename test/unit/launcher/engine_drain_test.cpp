#include "launcher/drain_mark.h"
#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::CommandKind;
using protocol::StageKind;
using House = EngineHouse;

namespace {

bool drained_by(const House& house, DrainBy by)
{
    const auto status = house.supervisor->status();
    return std::ranges::any_of(status.drains, [by](const Drain& drain) { return drain.by == by; });
}

} // namespace

TEST_CASE(
    "a launcher that is drained by its command takes nothing, also after a restart, until it is told to")
{
    House house;
    REQUIRE(house.supervisor->pause());
    CHECK(house.supervisor->pause()); // again changes nothing
    const auto id = house.add();
    REQUIRE(house.wait_polls(3));
    CHECK(house.host.started().empty());
    CHECK(drained_by(house, DrainBy::command));

    house.leave();
    house.start();
    CHECK(drained_by(house, DrainBy::command));
    REQUIRE(house.wait_polls(3));
    CHECK(house.host.started().empty());

    REQUIRE(house.supervisor->resume());
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
    CHECK_FALSE(house.supervisor->status().draining);
    CHECK_FALSE(drain_mark(house.directory.path() / "state"));
}

TEST_CASE("what runs goes on under a drain by command, and the process stays")
{
    House house;
    house.host.script("main-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(2));
    REQUIRE(house.supervisor->pause());
    house.host.let_go();
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
    CHECK(house.wait_idle());
    REQUIRE(house.wait_polls(2));
    CHECK(house.end.wait_for(0s) == std::future_status::timeout);
    CHECK_FALSE(house.backend.signed_off());
}

TEST_CASE("a launcher that is told to end does not take a drain back")
{
    House house;
    house.host.script("main-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(2));
    house.supervisor->drain(DrainBy::exit_command);
    const auto resumed = house.supervisor->resume();
    REQUIRE_FALSE(resumed);
    CHECK(resumed.error().code() == Errc::conflict);
    house.host.let_go();
    house.finished(id);
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::drained);
    CHECK(house.backend.signed_off());
    house.supervisor.reset();
}

TEST_CASE("a drain by the control plane and one by command end apart from each other")
{
    House house;
    house.backend.command(CommandKind::drain);
    REQUIRE(house.backend.wait_until([&] { return drained_by(house, DrainBy::control_plane); }, 20s));
    REQUIRE(house.supervisor->pause());
    house.backend.command(CommandKind::undrain);
    REQUIRE(house.backend.wait_until([&] { return !drained_by(house, DrainBy::control_plane); }, 20s));
    CHECK(house.supervisor->status().draining);
    const int before = house.backend.enrolments();
    REQUIRE(house.supervisor->resume());
    // A control plane takes the word of a worker that drains as final for its session.
    CHECK(house.backend.wait_until([&] { return house.backend.enrolments() > before; }, 20s));
    CHECK_FALSE(house.supervisor->status().draining);
}

TEST_CASE("a status names what is held, and the counts say what was done")
{
    House house;
    house.host.script("first-command", {.output = "12345\n"});
    house.host.script("main-command", {.output = "", .exit = {.code = 3}, .waits = true});
    const auto id = house.add(StageKind::write);
    REQUIRE(house.wait_started(2));
    const auto status = house.supervisor->status();
    REQUIRE(status.stages.size() == 1);
    CHECK(status.stages[0].stage_id == id);
    CHECK(status.stages[0].run_id.size() == 26);
    CHECK(status.stages[0].kind == StageKind::write);
    CHECK(status.stages[0].phase == protocol::WorkerPhase::running);
    CHECK(status.stages[0].spool_bytes > 0);
    CHECK(status.polled);
    CHECK(status.contact_age);
    CHECK(status.stalled < kLongestStep);
    CHECK(status.disk.free_bytes > 0);
    CHECK(house.tally.offers == 1);
    CHECK(house.tally.accepts == 1);
    CHECK(house.tally.cold_starts.values().count == 1);
    CHECK(house.tally.spooled == 6);
    house.host.let_go();
    house.finished(id);
    CHECK(house.wait_idle());
    CHECK(house.tally.finished.at(static_cast<std::size_t>(protocol::Outcome::failed)) == 1);
    CHECK(house.tally.delivered == house.backend.log(id).size());
}

TEST_CASE("an offer that comes under a drain is declined and counted by its cause")
{
    House house;
    house.backend.offer_always(true);
    REQUIRE(house.supervisor->pause());
    house.add();
    CHECK(house.backend.wait_until(
        [&] { return house.tally.declines.at(static_cast<std::size_t>(DeclineCause::draining)) > 0; }, 20s));
}

TEST_CASE("keys that were replaced open what they sealed, until nothing is held")
{
    SystemRandom random;
    const TempDir directory;
    const auto second = crypto::PrivateKey::generate(2048);
    REQUIRE(second);
    Vault vault{{engine_pool_key()}, random};
    crypto::EnvelopeContext context;
    context.pool = "P";
    context.object = "workspace";
    const auto file = open_file(directory.path() / "sealed", O_RDWR | O_CREAT);
    REQUIRE(file);
    {
        auto sealer = vault.seal(context, file->get());
        REQUIRE(sealer);
        REQUIRE(sealer->push("plain"));
        REQUIRE(sealer->finish());
    }
    const auto opens = [&] {
        std::string plain;
        const auto opened = vault.open(context, file->get(), [&](std::string_view bytes) {
            plain += bytes;
            return Result<void>{};
        });
        return opened && plain == "plain";
    };
    REQUIRE(opens());
    vault.replace({*second});
    CHECK(opens());
    vault.replace({*second, engine_pool_key()});
    vault.forget_replaced();
    CHECK(opens());
    vault.replace({*second});
    vault.forget_replaced();
    CHECK_FALSE(opens());
}

TEST_CASE(
    "the operator of a worker stops one stage, named by its id or its run's, and its end says who did it")
{
    House house{[](auto& settings) { settings.capacity = 2; }};
    house.host.script("main-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const bool by_run = GENERATE(false, true);
    const bool killed = GENERATE(false, true);
    std::string run;
    const auto id = house.add(protocol::StageKind::write, [&](auto& a) { run = a.run_id; });
    const auto other = house.add();
    REQUIRE(house.wait_started(4));
    CHECK(house.supervisor->stop_job("01ARZ3NDEKTSV4RRFFQ69G5FAV").error().code() == Errc::not_found);
    REQUIRE(house.supervisor->stop_job(by_run ? run : id));
    if (killed) { // what the log says is what the next process knows
        REQUIRE(house.backend.wait_until(
            [&] { return house.backend.log(id).find("stopping by the operator") != std::string::npos; },
            20s));
        house.leave();
        house.start();
    }
    const auto report = house.finished(id);
    CHECK(report.outcome == protocol::Outcome::failed);
    CHECK(report.cause == "stopped");
    CHECK(report.message.find("stopped by the operator of the worker") != std::string::npos);
    CHECK(house.backend.log(id).find("stopping by the operator of the worker") != std::string::npos);
    CHECK_FALSE(house.backend.finish(other));
    house.host.let_go();
    CHECK(house.finished(other).outcome == protocol::Outcome::succeeded);
}

TEST_CASE("a stage that the operator of a worker stops before its first command runs nothing, and says why")
{
    House house;
    std::string id;
    house.hook = [&](std::string_view step) {
        while (step == "image" && !house.supervisor->stop_job(id)) { } // its thread may be ahead of its place
    };
    house.host.set_ready(false);
    id = house.add(protocol::StageKind::write);
    house.host.set_ready(true);
    const auto report = house.finished(id);
    CHECK(report.message
        == "stopped by the operator of the worker (slipway-launcher stop) before its first command");
    CHECK(house.host.started().empty());
}
