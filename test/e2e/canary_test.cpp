#include "common/base64.h"
#include "common/json.h"
#include "crypto/digest.h"
#include "test/e2e/person.h"
#include "test/support/canaries.h"
#include "test/support/registry.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

using namespace slipway;
using namespace slipway::test;

namespace {

/// Of this run alone: what another one has left behind is not taken for ours.
std::string own(const std::string& text) { return text + std::to_string(::getpid()); }

// Values that a URL, JSON, base64 and a shell each write in a way of their own.
const std::string kMasked = own(R"(masked-"canary"/%+\-31415926)");
const std::string kNotAllowed = own(R"(not-allowed-"canary"/%+\-27182818)");
const std::string kCloudKey = own("cloud/key+canary/57721566490153286060651");
const std::string kStackSecret = own(R"(stack-"secret"/%+\-16180339)");
const std::string kWorkspace = own("workspace-canary-14142135");
const std::string kState = own("state-canary-17320508");
const std::string kFile = own("file-canary-\"22360679\"\nand a second line of it");
const std::string kAddedEnd = own("26457513");
constexpr const char* kRegistry = "registry-canary-55ce0c1b";
// Its login "ci", made by htpasswd -B.
constexpr const char* kRegistryLogin = "ci:$2b$05$y9ShcvYnvfe068gE0nr20es5ip.X0nrAfnocLmyixzImQSn5pDmfC\n";

std::string output_of(const std::vector<std::string>& argv)
{
    auto output = run_program(argv);
    INFO(argv.front() << " " << (argv.size() > 1 ? argv[1] : ""));
    REQUIRE(output);
    return *std::move(output);
}

/// Root without the rights to look into every process (perfmon and sys_admin let a newer kernel show the
/// environment): what protects its memory is closed to it although both are root's.
std::vector<std::string> without_tracing(std::vector<std::string> argv)
{
    argv.insert(argv.begin(), {"setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin"});
    return argv;
}

/// Starts what follows with core dumps allowed, and in a directory of its own.
std::vector<std::string> with_cores(const std::filesystem::path& directory)
{
    return without_tracing(
        {"sh", "-c", "mkdir -p \"$0\"; cd \"$0\"; ulimit -c unlimited; exec \"$@\"", directory.string()});
}

/// Whether a core of a process that ends by ABRT comes to lie in its directory on this machine.
bool cores_are_files() { return whole_file("/proc/sys/kernel/core_pattern").find_first_of("|/") != 0; }

/// All that Docker tells of containers, and its own files of them.
std::string in_docker(const Canaries& canaries, const std::vector<std::string>& ids)
{
    std::string found;
    const auto root = output_of({"docker", "info", "-f", "{{.DockerRootDir}}"});
    for (const auto& id : ids) {
        found += canaries.in_text(output_of({"docker", "inspect", id}), "docker inspect");
        found += canaries.in_text(output_of({"docker", "top", id, "-o", "pid,args"}), "docker top");
        found
            += canaries.in_files(std::filesystem::path{root.substr(0, root.find('\n'))} / "containers" / id);
        std::istringstream places{output_of({"find", "/run", "-type", "d", "-name", id})};
        for (std::string place; std::getline(places, place);)
            found += canaries.in_files(place);
    }
    return found;
}

enum class Whose { launcher, job, foreign };

struct Processes {
    pid_t launcher;
    std::vector<std::string> containers;

    /// slot-init counts as foreign to its job.
    [[nodiscard]] Whose whose(pid_t pid) const
    {
        if (pid == launcher)
            return Whose::launcher;
        const auto process = "/proc/" + std::to_string(pid);
        const auto groups = whole_file(process + "/cgroup");
        const bool inside = std::ranges::any_of(
            containers, [&](const auto& id) { return groups.find(id) != std::string::npos; });
        const auto status = whole_file(process + "/status");
        const auto numbers = status.substr(0, status.find('\n', status.find("NSpid:")));
        return inside && !numbers.ends_with("\t1") ? Whose::job : Whose::foreign;
    }

    [[nodiscard]] std::string find(const Canaries& canaries, Whose wanted) const
    {
        return canaries.in_processes([&](pid_t pid) { return whose(pid) == wanted; });
    }
};

/// The session token: what the launcher holds in its memory, and the control plane the SHA-256 of.
std::string session_of(const World& world)
{
    std::string hashes;
    for (const auto* name : {"slipway.db", "slipway.db-wal"})
        hashes += whole_file(world.data_directory() / name);
    std::string session;
    read_memory(world.launcher_pid(), [&](std::string_view bytes) {
        constexpr std::size_t length = 64;
        const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
        std::size_t run = 0;
        for (std::size_t i = 0; i <= bytes.size() && session.empty(); ++i) {
            if (i < bytes.size() && is_digit(bytes[i])) {
                ++run;
                continue;
            }
            if (run == length) {
                const std::string text{bytes.substr(i - length, length)};
                if (hashes.find(crypto::sha256(text).hex()) != std::string::npos)
                    session = text;
            }
            run = 0;
        }
    });
    return session;
}

/// The key of the one slot, as the journal has it.
std::string slot_key(const World& world)
{
    for (const auto& entry : std::filesystem::directory_iterator{world.state_directory() / "jobs"}) {
        const auto fact = JsonDocument::parse(whole_file(entry.path() / "slot"));
        const auto record = fact ? fact->root().string("record") : Result<std::string>{fact.error()};
        const auto parsed = record ? JsonDocument::parse(*record) : Result<JsonDocument>{record.error()};
        const auto key = parsed ? parsed->root().string("key") : Result<std::string>{parsed.error()};
        if (key)
            return base64_decode(*key).value_or("");
    }
    return {};
}

/// A world in which every kind of secret is planted.
struct Garden {
    World world;
    Person person{world};
    OwnRegistry registry;
    Canaries canaries;
    std::string image = registry.name("canary:1");
    std::filesystem::path seen = world.directory() / "seen"; ///< What OPA was given.

    Garden()
    {
        const auto key = whole_file(world.directory() / "spacelift.key");
        const auto line = key.substr(key.find('\n', key.size() / 2) + 1, 64);
        canaries.plant("the pool's key", line);
        canaries.plant("the pool's key", base64_decode(line).value_or(""));
        canaries.plant("the pool's token", world.token());
        for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
                 {"a masked variable", kMasked}, {"a variable that is not allowed", kNotAllowed},
                 {"a key of the cloud", kCloudKey}, {"a secret of the stack", kStackSecret},
                 {"a file of the workspace", kWorkspace}, {"the state", kState}, {"a mounted file", kFile},
                 {"an added word", "added-canary-" + kAddedEnd}, {"a registry's password", kRegistry}})
            canaries.plant(name, value);
        registry.take(world.image(), image);
        registry.change_login(kRegistryLogin);
        REQUIRE(make_directories(world.directory() / "docker"));
        registry.write_login(world.directory() / "docker", kRegistry);
        write_policy();
        world.start_launchers_by(with_cores(world.directory() / "cores"));
        start();
        person.must({"login", "--endpoint", world.endpoint(), "--ca", world.data_directory() / "ca.pem",
            "--key-file", world.data_directory() / "admin.key"});
    }

    ~Garden() { (void)run_program({"docker", "image", "rm", "-f", image}); }

    /// Keeps what OPA gets, and lets it decide.
    void write_policy()
    {
        const auto opa = output_of({SLIPWAY_SOURCE_DIR "/test/support/build_opa.sh"});
        const auto directory = world.directory() / "policy";
        REQUIRE(make_directories(directory));
        REQUIRE(replace_file(directory / "policy.rego",
            "package spacelift\n\nsample { true }\ndeny[\"never\"] { input.stack.id == \"never\" }\n"));
        REQUIRE(replace_file(directory / "opa",
            "#!/bin/sh\n{ env; echo \"$@\"; } >>" + seen.string() + "\ntee -a " + seen.string() + " | "
                + opa.substr(0, opa.find('\n')) + " \"$@\"\n",
            Durability::process, 0700));
    }

    void start()
    {
        const auto directory = world.directory();
        world.start_launcher({{"SPACELIFT_MASK_ENVS", "MASKED"}, {"MASKED", kMasked},
            {"NOT_ALLOWED", kNotAllowed}, {"AWS_SECRET_ACCESS_KEY", kCloudKey},
            {"SPACELIFT_DOCKER_CONFIG_DIR", directory / "docker"}, {"SLIPWAY_LOG_LEVEL", "debug"},
            {"SPACELIFT_DEBUG", "true"}, {"SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "true"},
            {"SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", directory / "policy/policy.rego"},
            {"SLIPWAY_OPA", directory / "policy/opa"}, {"SLIPWAY_POLICY_TIMEOUT", "60s"}});
    }

    void create_stack()
    {
        const auto secret = [&](const std::string& name, const std::string& value) {
            REQUIRE(replace_file(person.directory() / name, value));
            return name + "=@" + name;
        };
        REQUIRE(replace_file(person.directory() / "deploy-key", kFile));
        person.must({"stack", "create", "web", "--pool", "demo", "--image", image, "--workflow", "opentofu",
            "--manage-state", "--init", World::kGate, "--plan",
            "printf %s \"$WORKSPACE\" >carried; echo begin $MASKED $TOKEN; cat ../keys/deploy; "
            "for v in \"$MASKED\" \"$TOKEN\" \"$(cat ../keys/deploy)\"; do printf %s \"$v\" | base64 -w 0; "
            "echo; printf %s \"$v\" | xxd -p -c 99; done; "
            "w=added-canary-; w=${w}"
                + kAddedEnd + "; echo ::add-mask $w; echo $w end",
            "--apply", World::kGate, "--apply",
            "cat carried; printf '{\"version\":4,\"serial\":1,\"password\":\"%s\"}' \"$STATE\" "
            ">terraform.tfstate",
            "--secret-env", secret("TOKEN", kStackSecret), "--secret-env", secret("WORKSPACE", kWorkspace),
            "--secret-env", secret("STATE", kState)});
        REQUIRE(make_directories(person.directory() / "source"));
        REQUIRE(replace_file(person.directory() / "source/main.conf", "greeting = hello\n"));
        person.must({"stack", "push", "web", "source"});
        person.must({"stack", "file", "set", "web", "keys/deploy", "deploy-key", "--secret"});
    }

    /// A stage stands at its gate: what is seen of it from outside.
    void look_at_stage(const std::string& run)
    {
        const Processes processes{world.launcher_pid(), world.containers()};
        REQUIRE(processes.containers.size() == 1);
        const auto key = slot_key(world);
        REQUIRE_FALSE(key.empty());
        auto all = canaries;
        all.plant("the key of the slot", key);

        CHECK(in_docker(all, processes.containers) == "");
        CHECK(processes.find(all, Whose::foreign) == "");
        CHECK(processes.find(
                  all.without({"a masked variable", "a variable that is not allowed", "a key of the cloud"}),
                  Whose::launcher)
            == "");
        const auto of_job = all.without(
            {"a masked variable", "a secret of the stack", "a file of the workspace", "the state"});
        CHECK(processes.find(of_job, Whose::job) == "");
        CHECK(processes.find(all, Whose::job).find("a secret of the stack") != std::string::npos);
        look_at_files(all);
        CHECK(all.in_text(world.log(run), "the run's log") == "");
        // By design in its directory: the key of the slot, and what is to be masked (docs/security.md).
        CHECK(all.in_files(world.state_directory(), [](const auto& path) {
            return path.filename() == "slot" || path.filename() == "masks";
        }) == "");
    }

    void look_at_files(const Canaries& all) const
    {
        CHECK(all.in_files(world.data_directory()) == "");
        for (const auto* name : {"launcher.log", "mothership.log", "seen"}) {
            CHECK(all.in_text(whole_file(world.directory() / name), name) == "");
        }
    }
};

} // namespace

TEST_CASE("no secret of any kind is where others can look, in any form, while stages run and after")
{
    Garden garden;
    auto& world = garden.world;
    const auto session = session_of(world);
    REQUIRE_FALSE(session.empty());
    garden.canaries.plant("the session", session);
    garden.create_stack();
    auto run = garden.person.must({"run", "start", "-q", "web"});
    run.pop_back();
    const auto at_gate = [&] {
        const auto containers = world.containers();
        if (containers.size() != 1)
            return false;
        const auto shown = run_program({"docker", "top", containers[0], "-o", "pid,args"});
        return shown && shown->find("gate-is-open") != std::string::npos;
    };
    REQUIRE(World::becomes_true(at_gate));
    garden.look_at_stage(run);
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    world.confirm(run);
    REQUIRE(World::becomes_true(at_gate));
    garden.look_at_stage(run);
    world.open_gate();
    world.wait_state(run, "FINISHED");
    world.wait_no_containers();
    CHECK(World::becomes_true([&] { return std::filesystem::is_empty(world.state_directory() / "jobs"); }));

    const auto log = world.log(run);
    CHECK(log.find("begin ***** *****\n*****") != std::string::npos);
    CHECK(log.find("::add-mask *****\n***** end\n") != std::string::npos);
    CHECK(garden.canaries.in_text(log, "the run's log") == "");
    CHECK(garden.canaries.in_files(world.state_directory()) == "");
    CHECK(garden.canaries.in_text(world.call("GET", "/api/v1/runs/" + run), "the API") == "");
    CHECK(garden.canaries.in_text(world.call("GET", "/api/v1/stacks/web"), "the API") == "");
    garden.look_at_files(garden.canaries);
    // All of it was in use: the login fetched the image, OPA was asked, the job has carried and kept.
    CHECK(log.find("pulling the image " + garden.image) != std::string::npos);
    CHECK(whole_file(garden.seen).find("\"TOKEN\"") != std::string::npos);
    CHECK(log.find("the state is kept") != std::string::npos);

    // Its memory is closed to others of its user, and leaves no core.
    const auto memory = "/proc/" + std::to_string(world.launcher_pid());
    for (const auto* file : {"/environ", "/mem", "/maps"})
        CHECK_FALSE(run_program(without_tracing({"head", "-c", "1", memory + file})));
    world.launcher().signal(SIGABRT);
    const auto ended = world.launcher().finish(std::chrono::seconds{20});
    REQUIRE(ended);
    CHECK(ended->first == 128 + SIGABRT);
    CHECK(ended->second.find("begin ***** *****") != std::string::npos);
    CHECK(garden.canaries.in_text(ended->second, "standard output") == "");
    if (cores_are_files())
        CHECK(std::filesystem::is_empty(world.directory() / "cores"));
    else
        WARN("this machine hands core dumps to a program: whether there was one is not seen");
}

TEST_CASE("the search for secrets finds what is planted on purpose: each form, in each place")
{
    const std::string value = own(R"(on-"purpose"/%+\-31415926)");
    Canaries canaries;
    canaries.plant("X", value);
    const auto holds = [](const std::string& found, std::string_view words) {
        INFO(found);
        return found.find(words) != std::string::npos;
    };
    for (const std::string& text : {value, base64_encode(value), base64_encode("1" + value + "345"),
             base64_encode("12" + value + "4"), hex_encode(value), own(R"(on-\"purpose\"/%+\\-31415926)"),
             own("on-%22purpose%22%2F%25%2B%5C-31415926")})
        CHECK(holds(canaries.in_text("before " + text + " after", "a text"), "X"));
    CHECK(canaries.in_text("on-purpose", "a text") == "");

    World world;
    REQUIRE(make_directories(world.directory() / "a/b"));
    REQUIRE(replace_file(world.directory() / "a/b/c", "x" + value));
    CHECK(holds(canaries.in_files(world.directory() / "a"), "a/b/c"));
    Person person{world};
    person.must({"login", "--endpoint", world.endpoint(), "--ca", world.data_directory() / "ca.pem",
        "--key-file", world.data_directory() / "admin.key"});
    person.must({"stack", "create", "web", "--pool", "demo", "--plan", "true", "--apply", "true", "--env",
        "PLAIN=" + value});
    CHECK(holds(canaries.in_files(world.data_directory()), "slipway.db"));

    // A container with the value in its environment, and in its log.
    auto id = output_of({"docker", "run", "-d", "--network", "none", "--label", "io.slipway.test=canary",
        "-e", "PLAIN=" + value, world.image(), "sh", "-c", "echo \"$PLAIN\"; cat /dev/zero | sleep 600"});
    id = id.substr(0, id.find('\n'));
    const Processes processes{0, {id}};
    CHECK(World::becomes_true([&] { return holds(processes.find(canaries, Whose::job), "environment"); }));
    CHECK(holds(processes.find(canaries, Whose::foreign), "environment")); // its PID 1
    const auto in_engine = in_docker(canaries, {id});
    CHECK(holds(in_engine, "docker inspect"));
    CHECK(holds(in_engine, "config.v2.json"));
    CHECK(World::becomes_true([&] { return holds(in_docker(canaries, {id}), "-json.log"); }));
    CHECK(run_program({"docker", "rm", "-f", "-v", id}));

    // A process that protects nothing: arguments, memory, and its core.
    const auto cores = world.directory() / "cores";
    auto argv = with_cores(cores);
    argv.insert(argv.end(), {"sh", "-c", "echo ready; while :; do sleep 600; done", value});
    auto process = Process::start({.argv = argv, .env = {{"PLAIN", value}}, .directory = {}, .log = {}});
    REQUIRE(process);
    REQUIRE(process->read_until("ready", std::chrono::seconds{20}));
    CHECK(holds(canaries.in_process(process->pid()), "arguments"));
    bool in_memory = false;
    read_memory(process->pid(),
        [&](std::string_view bytes) { in_memory = in_memory || !canaries.in_text(bytes, "memory").empty(); });
    CHECK(in_memory);
    CHECK(run_program(
        without_tracing({"head", "-c", "1", "/proc/" + std::to_string(process->pid()) + "/environ"})));
    process->signal(SIGABRT);
    CHECK(process->wait(std::chrono::seconds{20}));
    if (cores_are_files())
        CHECK(holds(canaries.in_files(cores), "core"));
}
