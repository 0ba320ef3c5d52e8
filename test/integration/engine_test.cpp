#include "test/integration/docker_house.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageKind;

namespace {

std::string source_tar(const TempDir& directory)
{
    std::ofstream{directory.path() / "main.conf"} << "greeting = hello\n";
    const std::string command = "tar -C " + directory.path().string() + " -cf "
        + (directory.path() / "s.tar").string() + " main.conf";
    REQUIRE(std::system(command.c_str()) == 0);
    return read_file(directory.path() / "s.tar", 1U << 20U).value_or("");
}

} // namespace

TEST_CASE("a run goes from plan to apply with its sources and its sealed workspace")
{
    House house;
    house.start();
    const TempDir files;
    house.backend.add_blob("source", source_tar(files));
    auto plan
        = house.assignment("cat main.conf; cat /proc/sys/kernel/random/uuid >../plan.id; cat ../plan.id");
    plan.source_blob = "source";
    plan.keep_workspace = true;
    plan.files = {{.path = "extra/file.txt", .content = "aGVsbG8=", .mode = 0600}};
    const auto planned = house.run(plan);
    REQUIRE(planned.outcome == Outcome::succeeded);
    CHECK(planned.workspace == "workspace");
    const auto started = house.backend.reports(plan.stage_id);
    const auto image
        = std::find_if(started.begin(), started.end(), [](const auto& r) { return !r.image_id.empty(); });
    REQUIRE(image != started.end());

    auto apply = house.assignment("cat main.conf ../plan.id ../extra/file.txt", StageKind::write);
    apply.run_id = plan.run_id;
    apply.pool_id = plan.pool_id;
    apply.workspace_in = planned.workspace;
    apply.workspace_maker = plan.stage_id;
    apply.workspace_fence = house.backend.stage(plan.stage_id).fence;
    apply.image_id = image->image_id;
    REQUIRE(house.run(apply).outcome == Outcome::succeeded);
    CHECK(job_output(house.backend.log(apply.stage_id))
        == job_output(house.backend.log(plan.stage_id)) + "hello\n");
    CHECK(house.idle());
    CHECK(house.containers() == 0);
    CHECK(std::filesystem::is_empty(house.settings.state_directory / "slots"));

    auto other = house.assignment("true");
    other.image_id = "sha256:" + std::string(64, 'a');
    const auto refused = house.run(other);
    CHECK(refused.cause == "image");
    CHECK(refused.message.find("plan again") != std::string::npos);
}

TEST_CASE("twenty megabytes of output arrive exactly")
{
    House house;
    house.start();
    const auto a = house.assignment("seq 1 2700000");
    REQUIRE(house.run(a).outcome == Outcome::succeeded);
    std::string expected;
    for (int i = 1; i <= 2'700'000; ++i)
        expected += std::to_string(i) + "\n";
    CHECK(expected.size() > 20'000'000);
    CHECK((job_output(house.backend.log(a.stage_id)) == expected));
}

TEST_CASE("a job sees the image's variables, the allowed ones, its own and no others")
{
    ::setenv("SLIPWAY_TEST_SECRET", "must-not-be-seen", 1);
    House house;
    house.settings.passed = {{.name = "ALLOWED", .value = "yes"}};
    house.start();
    auto a = house.assignment("env; tr '\\0' '\\n' </proc/1/environ || true");
    a.variables = {{.name = "OWN", .value = "a'b\nc"}};
    REQUIRE(house.run(a).outcome == Outcome::succeeded);
    const auto log = house.backend.log(a.stage_id);
    CHECK(log.find("ALLOWED=yes\n") != std::string::npos);
    CHECK(log.find("OWN=a'b\nc\n") != std::string::npos);
    CHECK(log.find("TF_VAR_spacelift_run_id=" + a.run_id) != std::string::npos);
    CHECK(log.find("must-not-be-seen") == std::string::npos);
    ::unsetenv("SLIPWAY_TEST_SECRET");
}

TEST_CASE("a job sees nothing of the logins at registries")
{
    House house;
    const auto logins = house.directory.path() / "docker";
    REQUIRE(make_directories(logins));
    REQUIRE(replace_file(
        logins / "config.json", R"({"auths":{"r.example":{"username":"u","password":"hidden-login"}}})"));
    house.registry
        = {.docker_config_dir = logins, .helper = {.environment = {{"DOCKER_CONFIG", logins.string()}}}};
    house.start();
    const auto a = house.assignment("env; cat /proc/mounts; ls -a / $HOME; test ! -e " + logins.string()
        + "; ! grep -rs hidden-login /etc /mnt /root /tmp /run /var");
    CHECK(house.run(a).outcome == Outcome::succeeded);
    const auto log = house.backend.log(a.stage_id);
    CHECK(log.find("DOCKER_CONFIG") == std::string::npos);
    CHECK(log.find("hidden-login") == std::string::npos);
}

TEST_CASE("variables carry over to the next phase, and the last hooks know how it ended")
{
    House house;
    house.start();
    auto a = house.assignment("export KEPT=from-the-first; mkdir sub; cd sub");
    a.phases.push_back(
        {.name = "plan", .before = {}, .commands = {"echo $KEPT $PWD", "exit 9"}, .after = {"echo never"}});
    a.after_run = {"echo $KEPT $TF_VAR_spacelift_final_run_state"};
    const auto report = house.run(a);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.exit_code == 9);
    CHECK(report.cause == "exit");
    CHECK(job_output(house.backend.log(a.stage_id))
        == "from-the-first /mnt/workspace/source\nfrom-the-first FAILED\n");
}

TEST_CASE("a network that Docker does not know is refused at the start by the name of its variable")
{
    House house;
    house.network = "slipway-no-such-network";
    const auto engine = house.make();
    REQUIRE_FALSE(engine);
    CHECK(engine.error().code() == Errc::not_found);
    CHECK(engine.error().message().find("SPACELIFT_WORKER_NETWORK") == 0);
    CHECK(engine.error().message().find("slipway-no-such-network") != std::string::npos);
}

TEST_CASE("an image whose registry is out of reach is asked for again, with Docker's words in the log")
{
    House house;
    house.start();
    auto a = house.assignment("true");
    a.image = "registry.invalid/none/such:1";
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] {
            const auto log = house.backend.log(a.stage_id);
            return log.find("trying again: ") != std::string::npos
                && log.find("docker: ") != std::string::npos
                && log.find("registry.invalid") != std::string::npos;
        },
        60s));
    CHECK_FALSE(house.backend.finish(a.stage_id));
    house.backend.cancel(a.stage_id);
    REQUIRE(house.backend.wait_finished(a.stage_id, 60s));
    CHECK(house.backend.finish(a.stage_id)->cause == "stopped");
}

TEST_CASE("an image whose name is none fails the run, and the message names it")
{
    House house;
    house.start();
    auto a = house.assignment("true");
    a.image = "not..a//name:";
    const auto report = house.run(a);
    CHECK(report.cause == "image");
    CHECK(report.message.find(a.image) != std::string::npos);
    CHECK(house.backend.log(a.stage_id).find(report.message) != std::string::npos);
}

TEST_CASE("a stage that runs or is silent for too long is warned, stopped, and says which limit it was")
{
    House house;
    house.start();
    const bool silence = GENERATE(false, true);
    auto a = house.assignment(silence ? "sleep 600" : "while :; do echo tick; usleep 100000; done");
    a.limits = {.run = silence ? 60'000 : 2000, .silence = silence ? 2000 : 60'000};
    a.after_run = {"echo hook ran"};
    const auto report = house.run(a);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == (silence ? "silence_limit" : "run_limit"));
    const auto log = house.backend.log(a.stage_id);
    CHECK((log.find("it is stopped in ") != std::string::npos) == !silence);
    CHECK((log.find("the command is stopped in ") != std::string::npos) == silence);
    CHECK(log.find(report.message) != std::string::npos);
    CHECK(log.find("hook ran") != std::string::npos);
}

TEST_CASE("stopping the jobs gives the command its INT first")
{
    House house;
    house.start();
    const auto a
        = house.assignment("trap 'echo saving; exit 0' INT; echo begun; while :; do usleep 10000; done");
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(a.stage_id).find("begun") != std::string::npos; }, 30s));
    house.engine->drain();
    house.engine->stop_jobs();
    REQUIRE(house.end.wait_for(30s) == std::future_status::ready);
    CHECK(house.end.get() == EngineEnd::drained);
    CHECK(house.finished(a.stage_id).cause == "stopped");
    CHECK(house.backend.log(a.stage_id).find("saving\n") != std::string::npos);
    CHECK(house.containers() == 0);
    house.engine.reset();
}
