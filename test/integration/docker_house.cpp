#include "test/integration/docker_house.h"

#include "test/support/image_maker.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <sstream>
#include <stdexcept>
#include <thread>

using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace slipway::test {

const docker::Engine& the_engine()
{
    static const auto endpoint = docker::Endpoint::parse("");
    static const auto engine
        = endpoint ? docker::connect(*endpoint, {}) : Result<docker::Engine>{endpoint.error()};
    if (!engine)
        throw std::runtime_error{engine.error().message()};
    return *engine;
}

const crypto::PrivateKey& house_pool_key()
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

House::House()
{
    settings.state_directory = directory.path() / "state";
    settings.default_image = runner();
    settings.reconcile_interval = 500ms;
    settings.warm_slots = 0;
    settings.slot_transport = SlotTransport::socket;
}

House::~House()
{
    leave();
    const auto instance = read_file(settings.state_directory / "instance", 100);
    auto docker = docker::Docker::open(the_engine());
    if (!instance || !docker)
        return;
    const auto left = docker->list_containers({{std::string{kInstanceLabel}, instance->substr(0, 26)}}, {});
    if (!left)
        return;
    for (const auto& container : *left)
        (void)docker->remove_container(container.id, {.force = true, .volumes = true}, {});
}

Result<Engine> House::make(StepHook hook)
{
    return Engine::create(settings, {.engine = the_engine(), .network = network, .registry = registry},
        {house_pool_key()},
        {.backend = backend,
            .clock = clock,
            .random = random,
            .logger = Logger{sink},
            .enroll = {},
            .hook = std::move(hook)});
}

void House::start()
{
    auto made = make();
    if (!made)
        throw std::runtime_error{made.error().message()};
    engine.emplace(*std::move(made));
    end = std::async(std::launch::async, [this] { return engine->run({}); });
}

void House::leave()
{
    if (!engine)
        return;
    engine->hand_over();
    end.wait();
    engine.reset();
}

bool House::stages_left()
{
    for (const auto& entry : std::filesystem::directory_iterator{directory.path() / "backend"})
        if (entry.path().extension() == ".state"
            && backend.stage(entry.path().stem().string()).phase != protocol::ServerPhase::finished)
            return true;
    return false;
}

pid_t House::fork_launcher(int kill_at)
{
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    const int code = [&] {
        std::atomic<int> steps{0};
        auto made = make([&](std::string_view step) {
            const int number = ++steps;
            if (number == kill_at) {
                (void)replace_file(directory.path() / "killed-at", step);
                ::syscall(SYS_exit_group, 99); // as in a kill, not even a sanitizer has a last word
            }
        });
        if (!made)
            return 3;
        // Ends by itself when the one stage is delivered.
        const std::jthread watcher{[&](std::stop_token stop) {
            const auto delivered
                = [&] { return stop.stop_requested() || (!stages_left() && made->status().stages.empty()); };
            (void)backend.wait_until(delivered, 60s);
            made->drain();
        }};
        return made->run({}) == EngineEnd::drained ? 0 : 4;
    }();
    ::_exit(code);
}

protocol::Assignment House::assignment(const std::string& command, protocol::StageKind kind)
{
    protocol::Assignment a;
    a.stage_id = make_ulid(clock, random);
    a.run_id = make_ulid(clock, random);
    a.pool_id = make_ulid(clock, random);
    a.stack_id = "web";
    a.kind = kind;
    a.stage_name = kind == protocol::StageKind::read ? "plan" : "apply";
    a.run_type = "TRACKED";
    a.phases = {{.name = a.stage_name, .before = {}, .commands = {command}, .after = {}}};
    return a;
}

protocol::StateReport House::finished(const std::string& id, std::chrono::seconds at_most)
{
    if (!backend.wait_finished(id, at_most))
        throw std::runtime_error{"the stage did not end; its log: " + backend.log(id)};
    return *backend.finish(id);
}

protocol::StateReport House::run(const protocol::Assignment& a)
{
    backend.add(a);
    return finished(a.stage_id);
}

std::size_t House::containers()
{
    auto docker = docker::Docker::open(the_engine());
    REQUIRE(docker);
    const auto list = docker->list_containers({{std::string{kInstanceLabel}, engine->instance_id()}}, {});
    REQUIRE(list);
    return list->size();
}

bool House::idle(std::size_t containers_left)
{
    return backend.wait_until(
        [&] { return engine->status().stages.empty() && containers() <= containers_left; }, 20s);
}

std::string job_output(const std::string& log)
{
    std::istringstream stream{log};
    std::string text;
    for (std::string line; std::getline(stream, line);)
        if (!line.starts_with("[slipway] "))
            text += line + "\n";
    return text;
}

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

} // namespace slipway::test
