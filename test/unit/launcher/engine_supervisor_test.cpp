#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::CommandKind;
using protocol::Outcome;
using protocol::StageKind;
using House = EngineHouse;

TEST_CASE("a stage runs its phases in order and leaves nothing behind")
{
    House house;
    house.host.script("first-command", {.output = "one\n"});
    house.host.script("main-command", {.output = "two\n"});
    const auto id = house.add();
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::succeeded);
    CHECK(report.exit_code == 0);
    CHECK(
        house.backend.log(id) == "[slipway] looking for runner\n[slipway] init\none\n[slipway] plan\ntwo\n");
    CHECK(house.wait_idle());
    CHECK(std::filesystem::is_empty(house.directory.path() / "state" / "jobs"));
    CHECK(house.host.started().size() == 2);
}

TEST_CASE("the first failure ends a stage, and its last hooks run")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 7}});
    const auto id = house.add(StageKind::read, [](auto& a) { a.after_run = {"last-hook"}; });
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.exit_code == 7);
    CHECK(report.cause == "exit");
    REQUIRE(house.host.started().size() == 2);
    CHECK(house.host.started()[1].run.argv.back().find("last-hook") != std::string::npos);
    CHECK(house.host.started()[1].run.argv.back().find("final_run_state='FAILED'") != std::string::npos);
}

TEST_CASE("a run of plan and apply carries its workspace in an envelope that only the pool opens")
{
    House house;
    const auto plan = house.add(StageKind::read, [](auto& a) { a.keep_workspace = true; });
    CHECK(house.finished(plan).workspace == "workspace");
    const std::string sealed = house.backend.blob("workspace");
    REQUIRE_FALSE(sealed.empty());
    CHECK(sealed.find("the workspace") == std::string::npos);

    const auto plan_document
        = read_file(house.directory.path() / "backend" / (plan + ".assignment"), 100'000);
    REQUIRE(plan_document);
    const auto parsed = JsonDocument::parse(*plan_document);
    const auto made = protocol::read_assignment(parsed->root());
    REQUIRE(made);
    const auto carry = [&](auto& a) {
        a.run_id = made->run_id;
        a.pool_id = made->pool_id;
        a.workspace_in = "workspace";
        a.workspace_maker = plan;
        a.workspace_fence = house.backend.stage(plan).fence;
    };
    CHECK(house.finished(house.add(StageKind::write, carry)).outcome == Outcome::succeeded);
    const auto puts = house.host.puts();
    CHECK(std::count(puts.begin(), puts.end(), "/mnt/workspace:the workspace") == 1);

    // Of another run, it is refused and nothing is run.
    const auto commands = house.host.started().size();
    const auto report = house.finished(house.add(StageKind::write, [&](auto& a) {
        carry(a);
        a.run_id = a.pool_id;
        a.run_id.back() = a.run_id.back() == '0' ? '1' : '0';
    }));
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.message.find("workspace") != std::string::npos);
    CHECK(house.host.started().size() == commands);
}

TEST_CASE("a launcher that leaves in mid-command is followed by one that runs nothing again")
{
    House house;
    house.host.script("first-command", {.output = "begun\n", .exit = {.code = 0}, .waits = true});
    const auto kind = GENERATE(StageKind::read, StageKind::write);
    const auto id = house.add(kind);
    REQUIRE(house.wait_started(1));
    for (int i = 0; i < 3; ++i) {
        house.leave();
        house.start();
    }
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(id).find("begun") != std::string::npos; }, 10s));
    house.leave();
    house.host.let_go(); // it ends while nobody looks
    house.start();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.host.started().size() == 2);
    const auto log = house.backend.log(id);
    CHECK(log.find("begun\n") == log.rfind("begun\n"));
}

TEST_CASE("a container that is gone when the launcher returns is reported lost")
{
    House house;
    house.host.script("first-command", {.output = "begun\n", .exit = {}, .waits = true});
    const auto id = house.add(StageKind::write);
    REQUIRE(house.wait_started(1));
    house.leave();
    house.host.lose(id);
    house.start();
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::lost);
    CHECK(report.cause == "lost");
    CHECK(house.backend.log(id).find("the container was lost") != std::string::npos);
    CHECK(house.host.started().size() == 1);
}

TEST_CASE(
    "a container that dies under a running launcher is reported lost, and a stage that reads is run anew")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    const auto id = house.add(StageKind::read);
    REQUIRE(house.wait_started(1));
    const auto fence = house.backend.stage(id).fence;
    house.host.lose(id);
    REQUIRE(house.wait_started(2));
    CHECK(house.backend.stage(id).fence > fence);
}

TEST_CASE("every line about a stage carries its run")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    std::string run;
    const auto id = house.add(StageKind::read, [&](auto& a) { run = a.run_id; });
    REQUIRE(house.wait_started(1));
    house.leave();
    house.start(); // taken over, too
    house.host.let_go();
    house.finished(id);
    REQUIRE(house.wait_idle());
    const std::string log = house.log_text();
    const auto ended = log.find("msg=\"the stage has ended\"");
    REQUIRE(ended != std::string::npos);
    const auto line = log.substr(ended, log.find('\n', ended) - ended);
    CHECK(line.find("run=" + run) != std::string::npos);
    CHECK(line.find("stage=" + id) != std::string::npos);
}

TEST_CASE("a stage that is stopped ends by the ladder, with its last hooks and no further phase")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    const auto id = house.add(StageKind::read, [](auto& a) { a.after_run = {"last-hook"}; });
    REQUIRE(house.wait_started(1));
    house.backend.cancel(id);
    const auto report = house.finished(id);
    CHECK(report.cause == "stopped");
    CHECK(report.outcome == Outcome::failed);
    REQUIRE(house.host.started().size() == 2);
    CHECK(house.host.started()[1].run.argv.back().find("last-hook") != std::string::npos);
}

TEST_CASE("a stage that is killed loses its container at once")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    const auto id = house.add(StageKind::write, [](auto& a) { a.after_run = {"last-hook"}; });
    REQUIRE(house.wait_started(1));
    house.backend.command(CommandKind::kill, id);
    CHECK(house.finished(id).cause == "stopped");
    CHECK(house.host.started().size() == 1);
}

TEST_CASE("draining takes nothing more, finishes what runs, and leaves the pool")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {.code = 0}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(1));
    house.supervisor->drain();
    const auto later = house.add();
    CHECK(house.log_text().find("waiting for 1 stage; TERM again stops it") != std::string::npos);
    REQUIRE(house.wait_polls(2));
    CHECK(house.end.wait_for(0ms) == std::future_status::timeout);
    house.host.let_go();
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::drained);
    CHECK(house.backend.finish(id)->outcome == Outcome::succeeded);
    CHECK(house.backend.stage(later).phase == protocol::ServerPhase::waiting);
    CHECK(house.backend.declined() == 0);
    CHECK(house.backend.signed_off());
    house.supervisor.reset();
}

TEST_CASE("passing the disk's threshold finishes what runs, and ends the launcher for that cause")
{
    House house{[](auto& settings) { settings.disk_threshold = 100; }};
    house.host.script("main-command", {.waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(2));
    house.leave();
    house.settings.disk_threshold = 1; // Of any disk more than that is in use, rounded up.
    house.start();
    REQUIRE(house.backend.wait_until([&] { return house.supervisor->status().draining; }, 20s));
    house.host.let_go();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::disk_threshold);
    CHECK(house.log_text().find("SPACELIFT_LAUNCHER_DISK_USAGE_THRESHOLD is 1%") != std::string::npos);
    house.supervisor.reset();
}

TEST_CASE("a worker whose disk is short of room or of inodes declines with that reason")
{
    const bool inodes = GENERATE(false, true);
    House house{[inodes](auto& settings) {
        (inodes ? settings.least_free_inodes : settings.least_free_bytes) = UINT64_MAX;
    }};
    house.add();
    REQUIRE(house.backend.wait_until([&] { return house.backend.declined() > 0; }, 20s));
    CHECK(house.backend.decline_reason().find(inodes ? "inodes" : "disk space") != std::string::npos);
    CHECK(house.host.started().empty());
}

TEST_CASE("a stage without an image gets the default of what its stack is")
{
    House house{[](auto& settings) { settings.default_ansible_image = "ansible-runner"; }};
    const auto plain = house.add();
    const auto ansible = house.add(StageKind::read, [](auto& a) { a.workflow = "ansible"; });
    house.finished(plain);
    house.finished(ansible);
    CHECK(house.backend.log(plain).find("looking for runner\n") != std::string::npos);
    CHECK(house.backend.log(ansible).find("looking for ansible-runner\n") != std::string::npos);
}

TEST_CASE("a job gets the file of authorities, when there are some, before its first command")
{
    House house{[](auto& settings) { settings.root_cas = "-----BEGIN CERTIFICATE-----"; }};
    const auto id = house.add();
    house.finished(id);
    const auto puts = house.host.puts();
    const auto found = std::find_if(puts.begin(), puts.end(),
        [](const auto& put) { return put.starts_with("/dev/shm/.slipway:ca.pem"); });
    REQUIRE(found != puts.end());
    CHECK(found->find("-----BEGIN CERTIFICATE-----") != std::string::npos);
}

TEST_CASE("stopping the jobs ends what runs and then the launcher")
{
    House house;
    house.host.script("first-command", {.output = "", .exit = {}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(1));
    house.supervisor->drain();
    house.supervisor->stop_jobs();
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::drained);
    CHECK(house.backend.finish(id)->cause == "stopped");
    house.supervisor.reset();
}

TEST_CASE("a command to drain lets the launcher stay, and one to cycle lets it end")
{
    House house;
    house.backend.command(CommandKind::drain);
    REQUIRE(house.backend.wait_until([&] { return house.supervisor->status().draining; }, 10s));
    const auto id = house.add();
    REQUIRE(house.wait_polls(3));
    CHECK(house.backend.stage(id).phase == protocol::ServerPhase::waiting);
    house.backend.command(CommandKind::undrain);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    house.backend.command(CommandKind::cycle);
    REQUIRE(house.end.wait_for(20s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::drained);
    house.supervisor.reset();
}

TEST_CASE("limits and the lease of a stage that reads are kept by its slot")
{
    House house;
    house.settings.limits = {.run = 60'000, .silence = 50'000, .grace = 1'000, .write_grace = 2'000};
    house.finished(house.add(StageKind::write, [](auto& a) { a.limits.run = 1234; }));
    CHECK(house.host.limits().run == 1234);
    CHECK(house.host.limits().silence == 50'000);
    CHECK(house.host.limits().grace == 2'000);
    CHECK(house.host.leases() == 0);
    house.finished(house.add(StageKind::read));
    CHECK(house.host.leases() > 0);
}

TEST_CASE("nothing is taken before it is known how slots are made, and at once when it is")
{
    EngineHouse house;
    house.leave();
    house.host.set_ready(false);
    house.start();
    const auto id = house.add();
    REQUIRE(house.wait_polls(3));
    CHECK(house.host.names().empty());
    CHECK(house.supervisor->status().stages.empty());
    house.host.set_ready(true);
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
}

TEST_CASE("a worker that takes nothing more keeps nothing ready, and does again when it takes")
{
    EngineHouse house;
    house.backend.command(protocol::CommandKind::drain);
    REQUIRE(house.backend.wait_until([&] { return house.host.warm() == launcher::Warm::no; }, 20s));
    house.backend.command(protocol::CommandKind::undrain);
    CHECK(house.backend.wait_until([&] { return house.host.warm() == launcher::Warm::yes; }, 20s));
}

TEST_CASE("a container that belongs to nobody is removed, but not while a journal cannot be read")
{
    EngineHouse house;
    house.host.script("main-command", {.output = "x", .exit = {.code = 0}, .waits = true});
    const auto id = house.add();
    REQUIRE(house.wait_started(2));
    const auto slot = house.directory.path() / "state" / "jobs" / id / "slot";
    const auto written = read_file(slot, 4096);
    REQUIRE(written);
    REQUIRE(replace_file(slot, "{\"container\":7}"));
    house.host.add_stray("nobody's", "");
    const auto rounds
        = [&] { return house.log_text().find("idle by an earlier process") != std::string::npos; };
    REQUIRE(house.wait_polls(3));
    CHECK_FALSE(rounds());
    REQUIRE(replace_file(slot, *written));
    CHECK(house.backend.wait_until([&] { return rounds() && house.host.names().size() == 1; }, 20s));
    house.host.let_go();
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
}
