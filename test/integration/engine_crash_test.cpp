#include "test/integration/docker_house.h"
#include "test/support/container_watch.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageKind;

TEST_CASE("a journal that cannot be read keeps the engine from starting, and what runs goes on")
{
    House house;
    house.start();
    auto a = house.assignment("echo begun; while [ ! -e /tmp/go ]; do sleep 0.1; done");
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(a.stage_id).find("begun") != std::string::npos; }, 60s));
    house.leave();
    const auto state = house.settings.state_directory / "jobs" / a.stage_id / "state";
    const std::string written = read_file(state, 4096).value_or("");
    REQUIRE(replace_file(state, "{\"phase\":\"paused\"}"));
    CHECK_FALSE(house.make());
    CHECK(std::filesystem::exists(state));
    const auto list
        = docker::Docker::open(the_engine())->list_containers({{std::string{kStageLabel}, a.stage_id}}, {});
    REQUIRE(list);
    CHECK(list->size() == 1);
    REQUIRE(replace_file(state, written));
    house.start();
    house.backend.cancel(a.stage_id);
    CHECK(house.backend.wait_finished(a.stage_id, 60s));
}

TEST_CASE("a container that is killed from outside is reported lost")
{
    House house;
    house.start();
    const auto a = house.assignment("echo begun; sleep 600", StageKind::write);
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(a.stage_id).find("begun") != std::string::npos; }, 30s));
    auto docker = docker::Docker::open(the_engine());
    REQUIRE(docker);
    const auto list = docker->list_containers({{std::string{kStageLabel}, a.stage_id}}, {});
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    REQUIRE(docker->kill_container(list->front().id, "KILL", {}));
    const auto report = house.finished(a.stage_id);
    CHECK(report.outcome == Outcome::lost);
    CHECK(report.cause == "lost");
}

namespace {

constexpr int kLines = 300;

/// Says which attempt wrote a line, so that a command that ran twice shows.
const std::string kOnce = "id=$(cat /proc/sys/kernel/random/uuid); i=0; while [ $i -lt "
    + std::to_string(kLines) + " ]; do i=$((i+1)); echo $id $i; done";

void check_once(const std::string& log)
{
    std::istringstream stream{job_output(log)};
    std::string id;
    int next = 0;
    for (std::string line; std::getline(stream, line);) {
        if (next == 0)
            id = line.substr(0, line.find(' '));
        ++next;
        REQUIRE(line == id + " " + std::to_string(next));
    }
    CHECK(next == kLines);
}

} // namespace

TEST_CASE(
    "a launcher that is killed at any of its steps is followed by one that ends the stage, once and exactly")
{
    const auto kind = GENERATE(StageKind::read, StageKind::write);
    ContainerWatch watch{""};
    History history;
    int kills = 0;
    for (int kill_at = 1;; ++kill_at) {
        House house;
        auto a = house.assignment(kOnce, kind);
        a.phases.push_back({.name = "second", .before = {}, .commands = {"true"}, .after = {}});
        a.keep_workspace = kind == StageKind::read;
        house.backend.add(a);
        const int code = wait_for(house.fork_launcher(kill_at));
        REQUIRE((code == 99 || code == 0));
        INFO("killed at step " << kill_at << ": "
                               << read_file(house.directory.path() / "killed-at", 1000).value_or("-"));
        if (code == 99)
            REQUIRE(wait_for(house.fork_launcher(0)) == 0);
        const auto report = house.backend.finish(a.stage_id);
        REQUIRE(report);
        CHECK(report->outcome == Outcome::succeeded);
        CHECK(house.backend.stage(a.stage_id).phase == protocol::ServerPhase::finished);
        check_once(house.backend.log(a.stage_id));
        watch.record(
            a.stage_id, kind == StageKind::write ? History::Kind::write : History::Kind::read, history);
        CHECK(std::filesystem::is_empty(house.settings.state_directory / "jobs"));
        CHECK(std::filesystem::is_empty(house.settings.state_directory / "slots"));
        if (code == 0)
            break;
        ++kills;
    }
    CHECK(history.report() == "");
    CHECK(kills > 40);
}
