// Images of every shape run stages as they are.
#include "test/integration/docker_house.h"
#include "test/support/image_maker.h"
#include "test/support/process.h"

#include <catch2/catch.hpp>

#include <stdexcept>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;

namespace {

std::string docker_says(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "docker");
    auto output = run_program(arguments);
    if (!output)
        throw std::runtime_error{output.error().message()};
    return *std::move(output);
}

/// An image without a shell or anything else.
class BareImage {
public:
    BareImage()
        : name_{runner() + "-bare"}
    {
        if (!run_program({"sh", "-c", "tar -C / -c etc/hostname | docker import - " + name_}))
            throw std::runtime_error{"the image cannot be made"};
    }

    BareImage(const BareImage&) = delete;
    BareImage& operator=(const BareImage&) = delete;

    ~BareImage() { (void)run_program({"docker", "image", "rm", "-f", name_}); }

    [[nodiscard]] const std::string& name() const { return name_; }

private:
    std::string name_;
};

} // namespace

TEST_CASE("a stage runs as the user that its image names, known to the image or not")
{
    const auto user = GENERATE(std::string{"1983"}, std::string{"1983:1984"}, std::string{"0:7"});
    ImageMaker images{the_engine()}; // outlives the containers
    House house;
    house.settings.default_image = images.busybox({"USER " + user, "WORKDIR /elsewhere"});
    house.start();
    const auto a = house.assignment("while read -r key id rest; do case $key in Uid:|Gid:) echo $id;; esac; "
                                    "done </proc/self/status; pwd; echo mine >../beside; cat ../beside");
    const auto report = house.run(a);
    INFO(house.backend.log(a.stage_id));
    REQUIRE(report.outcome == Outcome::succeeded);
    const auto colon = user.find(':');
    const auto uid = user.substr(0, colon);
    const auto gid = colon == std::string::npos ? "0" : user.substr(colon + 1);
    CHECK(job_output(house.backend.log(a.stage_id)) == uid + "\n" + gid + "\n/mnt/workspace/source\nmine\n");
    CHECK(house.idle());
}

TEST_CASE("an image's entrypoint, health check and volumes neither run nor stay")
{
    ImageMaker images{the_engine()}; // outlives the containers
    House house;
    house.settings.default_image = images.busybox({"ENTRYPOINT [\"/bin/false\"]", "CMD [\"--serve\"]",
        "VOLUME /data", "HEALTHCHECK --interval=1s CMD touch /data/checked"});
    house.start();
    const auto a
        = house.assignment("echo begun >/data/file; echo begun; until [ -e /tmp/go ]; do usleep 10000; done; "
                           "ls /data");
    house.backend.add(a);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(a.stage_id).find("begun") != std::string::npos; }, 60s));
    auto client = docker::Docker::open(the_engine());
    REQUIRE(client);
    const auto list = client->list_containers({{std::string{kStageLabel}, a.stage_id}}, {});
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    const auto& name = list->front().names.front();
    const auto health = docker_says({"inspect", "-f", "{{.Config.Healthcheck}} {{.State.Health}}", name});
    CHECK(health.starts_with("{[NONE] "));
    CHECK(health.ends_with(" <nil>\n"));
    const auto volume = docker_says(
        {"inspect", "-f", "{{range .Mounts}}{{if eq .Destination \"/data\"}}{{.Name}}{{end}}{{end}}", name});
    REQUIRE(volume.size() == 65);
    docker_says({"exec", name, "touch", "/tmp/go"});
    CHECK(house.finished(a.stage_id).outcome == Outcome::succeeded);
    CHECK(job_output(house.backend.log(a.stage_id)) == "begun\nfile\n");
    REQUIRE(house.idle());
    CHECK_FALSE(run_program({"docker", "volume", "inspect", volume.substr(0, 64)}));
}

TEST_CASE("an image without a shell is named, with what is missing")
{
    const BareImage bare;
    House house;
    house.start();
    auto a = house.assignment("true");
    a.image = bare.name();
    const auto report = house.run(a);
    CHECK(report.outcome == Outcome::failed);
    const auto log = house.backend.log(a.stage_id);
    CHECK(log.find("/bin/sh") != std::string::npos);
    CHECK(log.find(bare.name()) != std::string::npos);
    CHECK(report.message.find("no command was run, since the image " + bare.name() + " has no /bin/sh")
        != std::string::npos);
    CHECK(house.idle());
}

TEST_CASE("a command that is not found is told apart from an image without a shell")
{
    House house;
    house.start();
    const auto report = house.run(house.assignment("no-such-program"));
    CHECK(report.exit_code == 127);
    CHECK(report.message.find("exit code 127 (a command was not found in ") != std::string::npos);
}

TEST_CASE("a stage that runs out of memory says so, with its limit")
{
    House house;
    house.start();
    auto a = house.assignment("dd if=/dev/zero bs=200M count=1 of=/dev/null");
    a.limits.memory_bytes = 48 * 1024 * 1024;
    const auto report = house.run(a);
    INFO(house.backend.log(a.stage_id));
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "oom");
    CHECK(report.message.find("48 MiB") != std::string::npos);
}

TEST_CASE("a command that a signal ends says which")
{
    House house;
    house.start();
    const auto a = house.assignment("kill -SEGV $$");
    const auto report = house.run(a);
    CHECK(report.cause == "signal");
    CHECK(report.message.find("SEGV") != std::string::npos);
}

TEST_CASE("how slots are reached is found out once, remembered, and the same for stages either way")
{
    const auto transport = GENERATE(SlotTransport::automatic, SlotTransport::stdio);
    House house;
    house.settings.slot_transport = transport;
    house.start();
    const auto a = house.assignment("seq 1 20000; exit 3");
    const auto report = house.run(a);
    INFO(house.backend.log(a.stage_id));
    CHECK(report.exit_code == 3);
    std::string expected;
    for (int i = 1; i <= 20'000; ++i)
        expected += std::to_string(i) + "\n";
    CHECK((job_output(house.backend.log(a.stage_id)) == expected));
    const auto memory = read_file_if_exists(house.settings.state_directory / "transport", 4096);
    REQUIRE(memory);
    CHECK(memory->has_value() == (transport == SlotTransport::automatic));
    if (*memory)
        CHECK((*memory)->find("\"transport\":\"socket\"") != std::string::npos);
    // Taken over by the next launcher, in the middle of its output.
    const auto b = house.assignment("echo begun; until [ -e /tmp/go ]; do usleep 10000; done; seq 1 20000");
    house.backend.add(b);
    REQUIRE(house.backend.wait_until(
        [&] { return house.backend.log(b.stage_id).find("begun") != std::string::npos; }, 60s));
    house.leave();
    auto client = docker::Docker::open(the_engine());
    REQUIRE(client);
    const auto list = client->list_containers({{std::string{kStageLabel}, b.stage_id}}, {});
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    docker_says({"exec", list->front().names.front(), "touch", "/tmp/go"});
    house.start();
    CHECK(house.finished(b.stage_id).outcome == Outcome::succeeded);
    CHECK((job_output(house.backend.log(b.stage_id)) == "begun\n" + expected));
    CHECK(house.idle());
}
