#include "test/support/world.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

std::string must(Result<std::string> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

/// An image of the launcher with the libraries that it is linked with; removed at the end, with the
/// containers and volumes that were made from it.
class LauncherImage {
public:
    explicit LauncherImage(const std::string& change)
        : name_{"slipway-test/launcher-" + std::to_string(::getpid()) + ":1"}
    {
        must(run_program({"sh", "-ec",
            "root=$(mktemp -d); trap 'rm -r $root' EXIT; mkdir -p $root/tmp $root/etc $root/usr/bin\n"
            "cp \"$1\" $root/usr/bin/slipway-launcher\n"
            "for file in $(ldd \"$1\" | sed -n 's/.*=> \\(\\/[^ ]*\\).*/\\1/p; s/^[ \\t]*\\(\\/[^ ]*\\) "
            "(.*/\\1/p'); do "
            "mkdir -p $root/$(dirname $file); cp -L $file $root/$file; done\n"
            "tar -C $root -c . | docker import -c 'ENTRYPOINT [\"/usr/bin/slipway-launcher\"]' -c \"$2\" - "
            "$3",
            "sh", std::string{SLIPWAY_BIN_DIR} + "/slipway-launcher", change, name_}));
    }

    LauncherImage(const LauncherImage&) = delete;
    LauncherImage& operator=(const LauncherImage&) = delete;

    ~LauncherImage()
    {
        (void)run_program({"sh", "-c", "docker rm -f -v " + container() + "; docker image rm -f " + name_});
    }

    [[nodiscard]] std::string container() const
    {
        return "slipway-test-launcher-" + std::to_string(::getpid());
    }

    /// `docker run` with the socket of Docker and nothing else of the machine but its network.
    /// `setting`: a variable with its value, beside what is needed; empty: none.
    [[nodiscard]] ProcessSpec run(const World& world, const std::string& setting = {}) const
    {
        return {.argv = {"docker", "run", "--name", container(), "--network", "host", "-v",
                    "/var/run/docker.sock:/var/run/docker.sock", "-e", "SPACELIFT_TOKEN=" + world.token(),
                    "-e", "SPACELIFT_POOL_PRIVATE_KEY=" + world.private_key_base64(), "-e",
                    "SPACELIFT_DEFAULT_RUNNER_IMAGE=" + world.image(), "-e",
                    setting.empty() ? "SLIPWAY_CAPACITY=1" : setting, name_},
            .env = {},
            .directory = {},
            .log = world.directory() / "launcher.log"};
    }

private:
    std::string name_;
};

} // namespace

TEST_CASE("a launcher in a container runs stages with nothing but the Docker socket")
{
    World world;
    const LauncherImage image{"VOLUME /var/lib/slipway"};
    auto process = Process::start(image.run(world));
    REQUIRE(process);
    REQUIRE(process->read_until("is ready", 60s));
    world.create_stack("web", {"cat main.conf; echo from-$(hostname | wc -c)"}, {"cat main.conf"});
    const auto run = world.start_run("web");
    world.wait_state(run, "UNCONFIRMED");
    CHECK(world.log(run).find("greeting = hello\nfrom-13\n") != std::string::npos);
    world.confirm(run);
    world.wait_state(run, "FINISHED");
    CHECK(must(run_program({"docker", "stop", "-t", "60", image.container()})).find(image.container())
        != std::string::npos);
    const auto exit = process->wait(60s);
    REQUIRE(exit);
    CHECK(*exit == 0);
}

TEST_CASE("a launcher in a container without a volume for its state says what to add")
{
    World world;
    const LauncherImage image{"LABEL io.slipway.test=launcher"};
    auto process = Process::start(image.run(world));
    REQUIRE(process);
    const auto code = process->wait(60s);
    REQUIRE(code);
    CHECK(*code != 0);
    const auto said = must(run_program({"sh", "-c", "docker logs " + image.container() + " 2>&1"}));
    CHECK(said.find("SLIPWAY_STATE_DIR") != std::string::npos);
    CHECK(said.find("-v slipway:/var/lib/slipway") != std::string::npos);
}

TEST_CASE("a launcher in a container shares a provider cache that is in a volume, and else says what to add")
{
    World world;
    {
        const LauncherImage image{R"(VOLUME ["/var/lib/slipway", "/cache"])"};
        auto process = Process::start(image.run(world, "SLIPWAY_PROVIDER_CACHE=/cache"));
        REQUIRE(process);
        REQUIRE(process->read_until("is ready", 60s));
        world.create_stack("web",
            {"grep -o ' /mnt/slipway/providers [a-z0-9]* r[ow]' /proc/mounts | cut -d ' ' -f 2,4"}, {});
        const auto run = world.start_run("web", "PROPOSED");
        world.wait_state(run, "FINISHED");
        CHECK(world.log(run).find("\n/mnt/slipway/providers ro\n") != std::string::npos);
    }
    const LauncherImage image{"VOLUME /var/lib/slipway"};
    auto process = Process::start(image.run(world, "SLIPWAY_PROVIDER_CACHE=/tmp"));
    REQUIRE(process);
    const auto code = process->wait(60s);
    REQUIRE(code);
    CHECK(*code != 0);
    const auto said = must(run_program({"sh", "-c", "docker logs " + image.container() + " 2>&1"}));
    CHECK(said.find("SLIPWAY_PROVIDER_CACHE: the launcher runs in the container") != std::string::npos);
    CHECK(said.find("/tmp is in no volume of it") != std::string::npos);
}
