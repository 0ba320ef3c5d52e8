#include "common/file.h"
#include "launcher/container_settings.h"
#include "launcher/provider_cache/places.h"
#include "test/integration/job_house.h"
#include "test/support/process.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

std::string refusal_of(const ContainerSettings& settings, Errc code)
{
    auto docker = open_docker(machine_engine());
    const auto checked = check_containers(settings, docker, {}, {});
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code() == code);
    return checked.error().message();
}

bool is_there(docker::Docker& docker, const std::string& network)
{
    const auto found = docker.find_network(network, {});
    REQUIRE(found);
    return found->has_value();
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("mounts, user, limits and capabilities of the settings hold in a job's container")
{
    JobHouse house;
    const TempDir data;
    REQUIRE(replace_file(data.path() / "file", "from the host\n", Durability::process, 0644));
    REQUIRE(::chmod(data.path().c_str(), 0755) == 0);
    house.containers.mounts = {{.host = data.path(), .container = "/data", .read_only = true},
        {.host = data.path(), .container = "/apply", .stages = StageClass::write}};
    house.containers.job.user = "1983:1984";
    house.containers.job.ulimits = {{.name = "nofile", .soft = 77, .hard = 88}};
    house.containers.job.memory_bytes = 64 << 20;
    house.containers.job.shm_bytes = 1 << 20;
    house.containers.job.cap_add = {"SYS_PTRACE"};
    house.containers.job.security_opt = {"no-new-privileges"};
    house.start();
    CHECK(house.run("cat /data/file; ls /apply 2>/dev/null") == "from the host\n=1");
    CHECK(holds(house.run("touch /data/new"), "Read-only file system"));
    CHECK(house.run("id -u; id -g; ulimit -n; ulimit -Hn") == "1983\n1984\n77\n88\n=0");
    CHECK(holds(house.run("df -k /dev/shm"), " 1024 "));
    CHECK(house.run("grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1\n=0");
    const auto docker = run_program({"docker", "inspect", "-f",
        "{{.HostConfig.Memory}} {{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}} {{.HostConfig.PidsLimit}}",
        house.slot->container()});
    REQUIRE(docker);
    CHECK(holds(*docker, "67108864"));
    CHECK(holds(*docker, "SYS_PTRACE"));
    CHECK(holds(*docker, "NET_RAW"));
    CHECK(holds(*docker, "4096"));
}

TEST_CASE("a mount of the write class is there in an apply")
{
    JobHouse house;
    const TempDir data;
    REQUIRE(::chmod(data.path().c_str(), 0777) == 0);
    house.containers.mounts = {{.host = data.path(), .container = "/apply", .stages = StageClass::write},
        {.host = data.path(), .container = "/read", .stages = StageClass::read}};
    house.start(true);
    CHECK(house.run("echo kept >/apply/note; ls /read 2>/dev/null") == "=1");
    CHECK(read_file(data.path() / "note", 100).value_or("") == "kept\n");
}

TEST_CASE("a mount whose path the host lacks is refused at the start, with the path")
{
    ContainerSettings settings{.network = "none"};
    settings.mounts = {{.host = "/no/such/place", .container = "/x"}};
    const auto message = refusal_of(settings, Errc::invalid_input);
    CHECK(message.starts_with("SPACELIFT_WORKER_EXTRA_MOUNTS"));
    CHECK(holds(message, "/no/such/place"));
    settings.mounts[0].stages = StageClass::write;
    CHECK(holds(refusal_of(settings, Errc::invalid_input), "/no/such/place"));
    // An engine on another machine than the provider cache.
    settings.mounts = {{.host = "/no/such/place", .container = std::string{kPackagesMount}}};
    CHECK(refusal_of(settings, Errc::invalid_input).starts_with("SLIPWAY_PROVIDER_CACHE, SLIPWAY_JOB_"));
}

TEST_CASE("a runtime or capability that Docker does not know is refused at the start")
{
    const auto message = refusal_of({.network = "none", .runtime = "no-such-runtime"}, Errc::not_found);
    CHECK(message.starts_with("SPACELIFT_WORKER_RUNTIME: Docker knows no runtime \"no-such-runtime\""));
    CHECK(holds(message, "runc"));
    ContainerSettings settings{.network = "none"};
    settings.job.cap_add = {"NO_SUCH_CAPABILITY"};
    CHECK(holds(refusal_of(settings, Errc::invalid_input), "SLIPWAY_JOB_"));
    auto docker = open_docker(machine_engine());
    CHECK(check_containers({.network = "none", .runtime = "runc"}, docker, {}, {}));
}

TEST_CASE("each job has a network of its own when that is asked for, and none is left")
{
    JobHouse house;
    house.containers.network = std::string{kNetworkPerJob};
    house.start();
    const std::string name = house.name;
    auto docker = open_docker(machine_engine());
    CHECK(is_there(docker, name));
    REQUIRE(house.host->remove(name, {}));
    house.slot.reset();
    CHECK_FALSE(is_there(docker, name));
    // One that a killed launcher left goes at the next start.
    REQUIRE(docker.create_network(name, {{std::string{kInstanceLabel}, "01JOBCONTAINERTEST00000000"}}, {}));
    REQUIRE(house.open());
    CHECK_FALSE(is_there(docker, name));
}

TEST_CASE("a job is kept from the addresses at which clouds answer when that is asked for")
{
    JobHouse house;
    house.containers.metadata = JobMetadata::deny;
    house.start();
    for (const char* address : {"169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe"}) {
        CAPTURE(address);
        CHECK(holds(house.run(std::string{"nc -w 5 "} + address + " 80 2>&1"), "Permission denied"));
    }
}

TEST_CASE("denying those addresses is refused where it cannot be kept")
{
    for (const char* network : {"host", "container:x"})
        CHECK(holds(refusal_of({.network = network, .metadata = JobMetadata::deny}, Errc::invalid_input),
            "SPACELIFT_WORKER_NETWORK"));
    CHECK(holds(refusal_of({.network = "none", .runtime = "runsc", .metadata = JobMetadata::deny},
                    Errc::invalid_input),
        "SPACELIFT_WORKER_RUNTIME"));
}
