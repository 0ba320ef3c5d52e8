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

namespace {

/// The host crashes: the container is gone, the journal is of another boot, the spool ends at `length`.
void crash_host(House& house, const std::string& id, std::uintmax_t length)
{
    house.leave();
    house.host.lose(id);
    const auto entry = house.directory.path() / "state" / "jobs" / id;
    REQUIRE(replace_file(entry / "boot", "an-earlier-boot"));
    std::filesystem::resize_file(entry / "spool", length);
}

} // namespace

TEST_CASE(
    "a crash of the host that takes the end of the log ends the stage, and the log says what is missing")
{
    House house;
    house.host.script("first-command", {.output = "0123456789\n", .exit = {}, .waits = true});
    const auto id = house.add(StageKind::write);
    const auto has = [&](std::string_view text) {
        return house.backend.wait_until(
            [&] { return house.backend.log(id).find(text) != std::string::npos; }, 20s);
    };
    REQUIRE(has("789\n"));
    const std::string before = house.backend.log(id);
    const bool acknowledged = GENERATE(true, false);
    crash_host(house, id, before.size() - 6);
    if (!acknowledged)
        house.backend.rewind_log(id, before.size() - 8); // what follows never arrived
    house.start();
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::lost);
    CHECK(house.wait_idle());
    const auto log = house.backend.log(id);
    CHECK(log.size() == report.log_end);
    const std::string kept = acknowledged ? before : before.substr(0, before.size() - 6);
    CHECK(log.substr(0, kept.size()) == kept);
    const std::string rest = log.substr(kept.size());
    CHECK(rest.starts_with(acknowledged ? "[slipway] the container was lost"
                                        : "[slipway] 6 bytes were lost when the host restarted\n"));
}

TEST_CASE("a workspace that the control plane cannot take fails the stage at once, with its size")
{
    House house;
    house.backend.fail_uploads({Errc::invalid_input, "413 Content Too Large"});
    const auto report = house.finished(house.add(StageKind::read, [](auto& a) { a.keep_workspace = true; }));
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "internal");
    CHECK(report.message.find("413 Content Too Large") != std::string::npos);
    CHECK(report.message.find(" bytes)") != std::string::npos);
}

TEST_CASE("a workspace that cannot be read is tried for a quarter of an hour, or until someone stops it")
{
    House house;
    house.host.fail_get(Error{Errc::exhausted, "no space left on device"});
    const auto id = house.add(StageKind::write, [](auto& a) { a.keep_workspace = true; });
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(id).find("is tried again: ") != std::string::npos; }, 20s));
    CHECK_FALSE(house.backend.finish(id));
    const bool stopped = GENERATE(false, true);
    if (stopped)
        house.backend.cancel(id);
    else
        house.clock.jump(16min);
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == (stopped ? "stopped" : "internal"));
    CHECK((report.message.find("no space left on device") != std::string::npos) == !stopped);
}

TEST_CASE("a call that the control plane can never take ends the stage instead of being repeated")
{
    House house;
    const auto event = GENERATE(protocol::StageEvent::started, protocol::StageEvent::finished);
    house.backend.refuse_report(event, Errc::invalid_input);
    const auto id = house.add();
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "internal");
    CHECK(report.message.find("could not be reported") != std::string::npos);
    CHECK(house.host.started().size() == (event == protocol::StageEvent::started ? 0 : 2));
}

TEST_CASE("the last hooks of a stopped stage run to their end, also over a restart of the launcher")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    house.host.script("last-hook", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add(StageKind::read, [](auto& a) { a.after_run = {"last-hook"}; });
    REQUIRE(house.wait_started(1));
    house.backend.cancel(id);
    REQUIRE(house.wait_started(2));
    house.leave();
    std::atomic<int> looks{0};
    house.hook = [&](std::string_view step) { looks += step == "state" ? 1 : 0; }; // renewed leases
    house.start();
    REQUIRE(house.backend.wait_until([&] { return looks > 2; }, 20s));
    house.host.let_go();
    CHECK(house.finished(id).cause == "stopped");
    CHECK(house.host.stops() == 1);
}

TEST_CASE("an end that stands in the log is the end, also when the launcher died before it was acted upon")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(1));
    house.leave();
    const JobEntry entry{house.directory.path() / "state" / "jobs" / id, id, "boot", {}};
    REQUIRE(entry.write(StageEnd{.outcome = Outcome::failed,
        .exit_code = 3,
        .cause = "exit",
        .message = "so it was",
        .workspace = ""}));
    house.start();
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.message == "so it was");
    CHECK(house.host.started().size() == 1);
    CHECK(house.wait_idle());
}

TEST_CASE("what was seen of one control plane is not told to another")
{
    House house;
    const auto knows = [&](const std::string& id) {
        return house.backend.wait_until(
            [&] {
                const auto seen = house.journal->seen();
                return seen.server_id == id && seen.served > 0 && seen.mark == "mark of " + id;
            },
            20s);
    };
    CHECK(knows("01J00000000000000000000SRV"));
    house.leave();
    house.backend.set_server_id("01J0000000000000000000THER");
    house.start();
    CHECK(knows("01J0000000000000000000THER"));
}
