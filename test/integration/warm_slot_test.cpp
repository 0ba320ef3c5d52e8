#include "test/integration/docker_house.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <set>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageKind;

namespace {

bool wait_warm(House& house, std::size_t count)
{
    return house.backend.wait_until([&] { return house.engine->status().idle_slots == count; }, 30s);
}

std::set<std::string> warm_containers(const std::string& instance)
{
    auto docker = docker::Docker::open(the_engine());
    REQUIRE(docker);
    const auto list = docker->list_containers(
        {{std::string{kInstanceLabel}, instance}, {std::string{kWarmLabel}, ""}}, {});
    REQUIRE(list);
    std::set<std::string> names;
    for (const auto& one : *list)
        names.insert(one.names.front());
    return names;
}

/// The job's container names itself: its host name is the begin of the container's id.
const std::string kWho = "hostname";

} // namespace

TEST_CASE("a stage takes the slot that is warm for it, and another one is warmed for the next")
{
    House house;
    house.settings.warm_slots = 1;
    house.start();
    const auto cold = house.assignment(kWho);
    REQUIRE(house.run(cold).outcome == Outcome::succeeded);
    REQUIRE(wait_warm(house, 1));
    auto docker = docker::Docker::open(the_engine());
    REQUIRE(docker);
    std::set<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        const auto names = warm_containers(house.engine->instance_id());
        REQUIRE(names.size() == 1);
        const auto warm = docker->inspect_container(*names.begin(), {});
        REQUIRE(warm);
        // An apply finds what a plan has warmed.
        const auto a = house.assignment(kWho, i == 1 ? StageKind::write : StageKind::read);
        REQUIRE(house.run(a).outcome == Outcome::succeeded);
        CHECK(job_output(house.backend.log(a.stage_id)) == warm->id.substr(0, 12) + "\n");
        CHECK(ids.insert(warm->id).second);
        REQUIRE(house.idle(1));
        REQUIRE(wait_warm(house, 1));
    }
    house.engine->drain();
    REQUIRE(house.end.wait_for(60s) == std::future_status::ready);
    CHECK(house.containers() == 0);
    CHECK(std::filesystem::is_empty(house.settings.state_directory / "slots"));
    house.engine.reset();
}

TEST_CASE("nothing that Docker shows of a warm slot tells what ran in it")
{
    House house;
    house.settings.warm_slots = 1;
    house.start();
    REQUIRE(house.run(house.assignment("true")).outcome == Outcome::succeeded);
    REQUIRE(wait_warm(house, 1));
    auto a = house.assignment("echo begun; while [ ! -e /tmp/go ]; do usleep 10000; done");
    a.variables = {{.name = "TOKEN", .value = "do-not-show-me"}};
    const auto names = warm_containers(house.engine->instance_id());
    REQUIRE(names.size() == 1);
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(a.stage_id).find("begun") != std::string::npos; }, 60s));
    std::FILE* pipe = ::popen(("docker inspect " + *names.begin()).c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string shown(1 << 20, '\0');
    shown.resize(std::fread(shown.data(), 1, shown.size(), pipe));
    REQUIRE(::pclose(pipe) == 0);
    CHECK(shown.find(*names.begin()) != std::string::npos);
    CHECK(shown.find("do-not-show-me") == std::string::npos);
    house.backend.cancel(a.stage_id);
    CHECK(house.finished(a.stage_id).cause == "stopped");
}

TEST_CASE("a stage in a slot that was warm is taken over again by its journal alone")
{
    House house;
    house.settings.warm_slots = 1;
    house.start();
    REQUIRE(house.run(house.assignment("true")).outcome == Outcome::succeeded);
    REQUIRE(wait_warm(house, 1));
    const auto a = house.assignment("echo begun; while [ ! -e /tmp/go ]; do usleep 10000; done; echo over");
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(a.stage_id).find("begun") != std::string::npos; }, 60s));
    REQUIRE(wait_warm(house, 1));
    const auto instance = house.engine->instance_id();
    const auto before = warm_containers(instance);
    CHECK(before.size() == 2);
    house.leave();
    house.start();
    // What was idle is nobody's now; what the class was is remembered.
    REQUIRE(wait_warm(house, 1));
    const auto is_new = [&](const auto& name) { return !before.contains(name); };
    REQUIRE(house.backend.wait_until(
        [&] {
            const auto now = warm_containers(instance);
            return now.size() == 2 && std::ranges::count_if(now, is_new) == 1;
        },
        30s));
    auto docker = docker::Docker::open(the_engine());
    REQUIRE(docker);
    for (const auto& name : warm_containers(instance))
        if (!is_new(name))
            REQUIRE(std::system(("docker exec " + name + " touch /tmp/go").c_str()) == 0);
    CHECK(house.finished(a.stage_id).outcome == Outcome::succeeded);
    CHECK(job_output(house.backend.log(a.stage_id)) == "begun\nover\n");
    CHECK(house.idle(1));
}

TEST_CASE("a warm slot that someone removes is replaced, and costs the next stage nothing but its start")
{
    House house;
    house.settings.warm_slots = 1;
    house.start();
    REQUIRE(house.run(house.assignment("true")).outcome == Outcome::succeeded);
    REQUIRE(wait_warm(house, 1));
    auto docker = docker::Docker::open(the_engine());
    REQUIRE(docker);
    for (const auto& name : warm_containers(house.engine->instance_id()))
        REQUIRE(docker->remove_container(name, {.force = true, .volumes = true}, {}));
    CHECK(house.run(house.assignment("true")).outcome == Outcome::succeeded);
    CHECK(wait_warm(house, 1));
}

TEST_CASE("a launcher with a warm slot that is killed at any of its steps is followed by one that ends the "
          "stage once")
{
    const auto kind = GENERATE(StageKind::read, StageKind::write);
    House house;
    house.settings.warm_slots = 1;
    // The first launcher warms a slot while its first stage runs; the second stage takes it.
    int kills = 0;
    for (int kill_at = 20; kill_at < 60; kill_at += 3) {
        const auto first = house.assignment("true");
        const auto second = house.assignment("echo ran; cat /proc/sys/kernel/random/uuid", kind);
        house.backend.add(first);
        house.backend.add(second);
        const int code = wait_for(house.fork_launcher(kill_at));
        REQUIRE((code == 99 || code == 0));
        if (code == 99)
            REQUIRE(wait_for(house.fork_launcher(0)) == 0);
        kills += code == 99 ? 1 : 0;
        INFO("killed at step " << kill_at);
        for (const auto& a : {first, second}) {
            const auto report = house.backend.finish(a.stage_id);
            REQUIRE(report);
            CHECK(report->outcome == Outcome::succeeded);
        }
        const auto output = job_output(house.backend.log(second.stage_id));
        CHECK(output.starts_with("ran\n"));
        CHECK(std::ranges::count(output, '\n') == 2);
        CHECK(std::filesystem::is_empty(house.settings.state_directory / "jobs"));
        CHECK(std::filesystem::is_empty(house.settings.state_directory / "slots"));
    }
    CHECK(kills > 5);
}
