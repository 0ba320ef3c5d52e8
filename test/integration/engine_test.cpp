#include "common/file.h"
#include "common/ulid.h"
#include "launcher/docker_host.h"
#include "launcher/engine.h"
#include "test/support/container_watch.h"
#include "test/support/fake_backend.h"
#include "test/support/image_maker.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageKind;

namespace {

const docker::Engine& the_engine()
{
    static const auto endpoint = docker::Endpoint::parse("");
    static const auto engine
        = endpoint ? docker::connect(*endpoint, {}) : Result<docker::Engine>{endpoint.error()};
    if (!engine)
        throw std::runtime_error{engine.error().message()};
    return *engine;
}

const crypto::PrivateKey& pool_key()
{
    static const auto key = crypto::PrivateKey::generate(2048);
    if (!key)
        throw std::runtime_error{"no key"};
    return *key;
}

const std::string& runner()
{
    static ImageMaker maker{the_engine()};
    static const std::string image = maker.busybox();
    return image;
}

/// The engine with real containers and a control plane of files. What it made is removed at its end.
struct House {
    TempDir directory;
    SystemClock clock;
    SystemRandom random;
    FakeBackend backend{directory.path() / "backend", clock};
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    EngineSettings settings;
    std::string network = "none";
    std::optional<Engine> engine;
    std::future<EngineEnd> end;

    House()
    {
        settings.state_directory = directory.path() / "state";
        settings.default_image = runner();
        settings.reconcile_interval = 500ms;
    }

    ~House()
    {
        leave();
        const auto instance = read_file(settings.state_directory / "instance", 100);
        auto docker = docker::Docker::open(the_engine());
        if (!instance || !docker)
            return;
        const auto left
            = docker->list_containers({{std::string{kInstanceLabel}, instance->substr(0, 26)}}, {});
        if (!left)
            return;
        for (const auto& container : *left)
            (void)docker->remove_container(container.id, {.force = true, .volumes = true}, {});
    }

    Result<Engine> make(StepHook hook = {})
    {
        return Engine::create(settings, {.engine = the_engine(), .network = network}, {pool_key()},
            {.backend = backend,
                .clock = clock,
                .random = random,
                .logger = Logger{sink},
                .enroll = {},
                .hook = std::move(hook)});
    }

    void start()
    {
        auto made = make();
        if (!made)
            throw std::runtime_error{made.error().message()};
        engine.emplace(*std::move(made));
        end = std::async(std::launch::async, [this] { return engine->run({}); });
    }

    void leave()
    {
        if (!engine)
            return;
        engine->hand_over();
        end.wait();
        engine.reset();
    }

    bool stages_left()
    {
        for (const auto& entry : std::filesystem::directory_iterator{directory.path() / "backend"})
            if (entry.path().extension() == ".state"
                && backend.stage(entry.path().stem().string()).phase != protocol::ServerPhase::finished)
                return true;
        return false;
    }

    /// The launcher as a process of its own, that ends in step number `kill_at` (0: never). Returns its pid.
    pid_t fork_launcher(int kill_at)
    {
        const pid_t pid = ::fork();
        if (pid != 0)
            return pid;
        std::atomic<int> steps{0};
        auto made = make([&](std::string_view step) {
            const int number = ++steps;
            if (number == kill_at) {
                (void)replace_file(directory.path() / "killed-at", step);
                ::_exit(99);
            }
        });
        if (!made)
            ::_exit(3);
        // Ends by itself when the one stage is delivered.
        std::jthread watcher{[&](std::stop_token stop) {
            const auto delivered
                = [&] { return stop.stop_requested() || (!stages_left() && made->status().stages.empty()); };
            (void)backend.wait_until(delivered, 60s);
            made->drain();
        }};
        const auto how = made->run({});
        ::_exit(how == EngineEnd::drained ? 0 : 4);
    }

    protocol::Assignment assignment(const std::string& command, StageKind kind = StageKind::read)
    {
        protocol::Assignment a;
        a.stage_id = make_ulid(clock, random);
        a.run_id = make_ulid(clock, random);
        a.pool_id = make_ulid(clock, random);
        a.stack_id = "web";
        a.kind = kind;
        a.stage_name = kind == StageKind::read ? "plan" : "apply";
        a.run_type = "TRACKED";
        a.phases = {{.name = a.stage_name, .before = {}, .commands = {command}, .after = {}}};
        return a;
    }

    protocol::StateReport finished(const std::string& id, std::chrono::seconds at_most = 60s)
    {
        if (!backend.wait_finished(id, at_most))
            throw std::runtime_error{"the stage did not end; its log: " + backend.log(id)};
        return *backend.finish(id);
    }

    protocol::StateReport run(const protocol::Assignment& a)
    {
        backend.add(a);
        return finished(a.stage_id);
    }

    std::size_t containers()
    {
        auto docker = docker::Docker::open(the_engine());
        REQUIRE(docker);
        const auto list = docker->list_containers({{std::string{kInstanceLabel}, engine->instance_id()}}, {});
        REQUIRE(list);
        return list->size();
    }

    bool idle()
    {
        return backend.wait_until([&] { return engine->status().stages.empty(); }, 20s);
    }
};

/// The job's own lines.
std::string job_output(const std::string& log)
{
    std::istringstream stream{log};
    std::string text;
    for (std::string line; std::getline(stream, line);)
        if (!line.starts_with("[slipway] "))
            text += line + "\n";
    return text;
}

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
    CHECK(engine.error().code() == Errc::invalid_input);
    CHECK(engine.error().message().find("SPACELIFT_WORKER_NETWORK") == 0);
    CHECK(engine.error().message().find("slipway-no-such-network") != std::string::npos);
}

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

TEST_CASE("an image that its name does not fit to fails the run with Docker's words")
{
    House house;
    house.start();
    auto a = house.assignment("true");
    a.image = "not..a//name:";
    const auto report = house.run(a);
    CHECK(report.cause == "image");
    CHECK(report.message.find("docker: ") != std::string::npos);
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

/// The exit code of a launcher; one that hangs for two minutes is killed and fails the test.
int wait_for(pid_t pid)
{
    const UniqueFd handle{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    pollfd ended{handle.get(), POLLIN, 0};
    if (::poll(&ended, 1, 120'000) != 1)
        ::kill(pid, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
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
