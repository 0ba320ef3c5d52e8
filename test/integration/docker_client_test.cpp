#include "docker-client/deadlines.h"
#include "docker-client/docker.h"
#include "test/support/image_maker.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace slipway::docker {

using namespace std::chrono_literals;

namespace {

Engine engine()
{
    const char* const host = std::getenv("DOCKER_HOST"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    const auto endpoint = Endpoint::parse(host == nullptr ? "" : host);
    REQUIRE(endpoint);
    auto engine = connect(*endpoint, {});
    INFO((engine ? "" : engine.error().message()));
    REQUIRE(engine);
    return *std::move(engine);
}

Docker open()
{
    auto docker = Docker::open(engine());
    REQUIRE(docker);
    return *std::move(docker);
}

const StringPairs& own_labels()
{
    static const StringPairs labels{{"io.slipway.test", "docker-client-" + std::to_string(::getpid())}};
    return labels;
}

/// Removes the containers of this process, whatever a test did.
class CleanUp {
public:
    CleanUp() = default;
    CleanUp(const CleanUp&) = delete;
    CleanUp& operator=(const CleanUp&) = delete;

    ~CleanUp()
    {
        const auto left = docker_.list_containers(own_labels(), {});
        if (!left)
            return;
        for (const auto& container : *left)
            (void)docker_.remove_container(container.id, {.force = true, .volumes = true}, {});
    }

private:
    Docker docker_ = open();
};

ContainerSpec spec_of(const std::string& image, Strings cmd)
{
    ContainerSpec spec;
    spec.image = image;
    spec.cmd = std::move(cmd);
    spec.labels = own_labels();
    spec.network_mode = "none";
    spec.log_driver = "none";
    return spec;
}

/// The value of a call that must succeed.
template <class T> T must(Result<T> result)
{
    INFO((result ? "" : result.error().message()));
    REQUIRE(result);
    return *std::move(result);
}

/// Starts a container that does not run yet.
Result<void> start_first(Docker& docker, const std::string& id)
{
    const Started started = SLIPWAY_TRY(docker.start_container(id, {}));
    return started == Started::now ? Result<void>{} : Error{Errc::internal, "it runs already"};
}

struct Output {
    std::string out;
    std::string err;

    OutputHandler handler()
    {
        return [this](Stream stream, std::string_view bytes) -> Result<void> {
            (stream == Stream::out ? out : err) += bytes;
            return {};
        };
    }
};

} // namespace

TEST_CASE("an engine tells what it is", "[docker]")
{
    CHECK(engine().api >= kOldestApi);
    CHECK(engine().api <= kNewestApi);
    const auto info = must(open().info({}));
    CHECK_FALSE(info.name.empty());
    CHECK_FALSE(info.server_version.empty());
    CHECK(std::find(info.runtimes.begin(), info.runtimes.end(), "runc") != info.runtimes.end());
    CHECK((info.cgroup_version == "1" || info.cgroup_version == "2"));
    CHECK(info.docker_root_dir.starts_with('/'));
    CHECK(info.cpus > 0);
    CHECK(info.memory_bytes > 0);
}

TEST_CASE("an imported image has what its changes say", "[docker]")
{
    test::ImageMaker maker{engine()};
    const std::string name = maker.busybox(
        {"CMD [\"sh\", \"-c\", \"exit 0\"]", "USER 1983", "WORKDIR /tmp", "VOLUME /var/data"});
    const auto image = must(open().inspect_image(name, {}));
    CHECK(image.id.starts_with("sha256:"));
    CHECK(image.repo_tags == Strings{name});
    CHECK(image.repo_digests.empty());
    CHECK(image.env == Strings{"PATH=/bin"});
    CHECK(image.entrypoint.empty());
    CHECK(image.cmd == Strings{"sh", "-c", "exit 0"});
    CHECK(image.user == "1983");
    CHECK(image.working_dir == "/tmp");
    CHECK(image.volumes == Strings{"/var/data"});
    CHECK_FALSE(image.architecture.empty());
    CHECK_FALSE(image.has_healthcheck);
    CHECK(image.size_bytes > 1'000'000);
    CHECK(image.size_bytes < 4'000'000);
}

TEST_CASE("images are removed with their maker", "[docker]")
{
    std::string name;
    {
        test::ImageMaker maker{engine()};
        name = maker.busybox();
        must(open().inspect_image(name, {}));
    }
    const auto image = open().inspect_image(name, {});
    REQUIRE_FALSE(image);
    CHECK(image.error().code() == Errc::not_found);
}

TEST_CASE("a container is created, attached to, started, waited for, looked at and removed", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    auto docker = open();
    auto spec = spec_of(maker.busybox(), {"sh", "-c", "echo out; echo err >&2; echo $A; exit 3"});
    spec.name = "slipway-test-" + std::to_string(::getpid()) + "-life";
    spec.env = {"A=from the spec"};
    const auto created = must(docker.create_container(spec, {}));
    CHECK(must(docker.inspect_container(created.id, {})).state.status == ContainerStatus::created);

    auto starter = open();
    Output output;
    AttachSpec attach{.timeout = 60s,
        .on_attached = [&] { return start_first(starter, created.id); },
        .on_output = output.handler()};
    must(docker.attach(created.id, attach, {}));
    CHECK(output.out == "out\nfrom the spec\n");
    CHECK(output.err == "err\n");
    CHECK(must(docker.wait_container(created.id, {.timeout = 60s}, {})) == 3);

    const auto container = must(docker.inspect_container(spec.name, {}));
    CHECK(container.id == created.id);
    CHECK(container.name == spec.name);
    CHECK(container.labels == own_labels());
    CHECK(container.state.status == ContainerStatus::exited);
    CHECK(container.state.exit_code == 3);
    CHECK_FALSE(container.state.running);
    CHECK_FALSE(container.state.oom_killed);
    CHECK(container.state.started_at);
    CHECK(container.state.finished_at); // not compared: a wall clock may be set back in between

    must(docker.remove_container(created.id, {}, {}));
    const auto gone = docker.inspect_container(created.id, {});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code() == Errc::not_found);
}

TEST_CASE("a running container is listed, killed, and its exit is waited for", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    auto docker = open();
    const auto created = must(docker.create_container(spec_of(maker.busybox(), {"sleep", "1000"}), {}));
    CHECK(must(docker.start_container(created.id, {})) == Started::now);
    CHECK(must(docker.start_container(created.id, {})) == Started::already);

    const auto list = must(docker.list_containers(own_labels(), {}));
    REQUIRE(list.size() == 1);
    CHECK(list.front().id == created.id);
    CHECK(list.front().labels == own_labels());
    CHECK(list.front().status == ContainerStatus::running);
    CHECK(must(docker.list_containers({{own_labels().front().first, "another"}}, {})).empty());
    CHECK(must(docker.inspect_container(created.id, {})).state.pid > 0);

    auto killer = open();
    WaitSpec wait{.condition = WaitCondition::next_exit, .timeout = 60s, .on_armed = [&]() -> Result<void> {
                      return killer.kill_container(created.id, "KILL", {});
                  }};
    CHECK(must(docker.wait_container(created.id, wait, {})) == 137);
    const auto again = docker.kill_container(created.id, "TERM", {});
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == Errc::conflict);
}

TEST_CASE("mounts, limits and user of a spec reach the container", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    const test::TempDir host;
    auto spec = spec_of(maker.busybox(),
        {"sh", "-c",
            "id -u; pwd; ulimit -c; ulimit -n; touch /in/x 2>/dev/null || echo read-only; grep -c ' /scratch "
            "tmpfs' /proc/mounts"});
    spec.user = "1983";
    spec.working_dir = "/tmp";
    spec.mounts = {{MountKind::bind, host.path().string(), "/in", true}};
    spec.tmpfs = {{"/scratch", "size=1m"}};
    spec.ulimits = {{"core", 1024, 1024}, {"nofile", 123, 123}};
    spec.pids_limit = 50;
    spec.memory_bytes = 64 * 1024 * 1024;
    spec.cap_drop = {"ALL"};
    spec.security_opt = {"no-new-privileges"};
    spec.no_healthcheck = true;
    spec.stop_timeout = 1s;
    spec.init = false;
    auto docker = open();
    auto starter = open();
    const auto created = must(docker.create_container(spec, {}));
    Output output;
    AttachSpec attach{.timeout = 60s,
        .on_attached = [&] { return start_first(starter, created.id); },
        .on_output = output.handler()};
    must(docker.attach(created.id, attach, {}));
    CHECK(output.out == "1983\n/tmp\n2\n123\nread-only\n1\n");
    const auto container = must(docker.inspect_container(created.id, {}));
    REQUIRE(container.mounts.size() == 1);
    CHECK(container.mounts.front().type == "bind");
    CHECK(container.mounts.front().source == host.path().string());
    CHECK(container.mounts.front().destination == "/in");
    CHECK_FALSE(container.mounts.front().writable);
}

TEST_CASE("megabytes of output arrive whole through attach", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    auto docker = open();
    auto starter = open();
    const auto created = must(docker.create_container(
        spec_of(maker.busybox(), {"sh", "-c", "dd if=/dev/zero bs=64k count=256 2>/dev/null"}), {}));
    std::size_t received = 0;
    AttachSpec attach{.timeout = 60s,
        .on_attached = [&] { return start_first(starter, created.id); },
        .on_output = [&received](Stream, std::string_view bytes) -> Result<void> {
            received += bytes.size();
            return {};
        }};
    must(docker.attach(created.id, attach, {}));
    CHECK(received == 256 * 64 * 1024);
}

TEST_CASE("a stop ends an attach and a wait while the container runs on", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    auto docker = open();
    const auto created = must(docker.create_container(spec_of(maker.busybox(), {"sleep", "1000"}), {}));
    must(docker.start_container(created.id, {}));
    std::stop_source stop;
    const auto stop_soon = [&stop]() -> Result<void> {
        stop.request_stop();
        return {};
    };
    const AttachSpec attach{.timeout = 60s,
        .on_attached = stop_soon,
        .on_output = [](Stream, std::string_view) -> Result<void> { return {}; }};
    CHECK(docker.attach(created.id, attach, stop.get_token()).error().code() == Errc::cancelled);
    stop = std::stop_source{};
    const WaitSpec wait{.timeout = 60s, .on_armed = stop_soon};
    CHECK(docker.wait_container(created.id, wait, stop.get_token()).error().code() == Errc::cancelled);
    CHECK(must(docker.inspect_container(created.id, {})).state.running);
}

TEST_CASE("errors keep the engine's status and words", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    auto docker = open();

    const auto no_image = docker.inspect_image("slipway-test/none:0", {});
    REQUIRE_FALSE(no_image);
    CHECK(no_image.error().code() == Errc::not_found);
    CHECK(no_image.error().message().starts_with("docker: 404: "));
    CHECK(no_image.error().message().find("slipway-test/none:0") != std::string::npos);

    const auto no_parent = docker.create_container(spec_of("slipway-test/none:0", {"true"}), {});
    REQUIRE_FALSE(no_parent);
    CHECK(no_parent.error().code() == Errc::not_found);

    auto spec = spec_of(maker.busybox(), {"true"});
    spec.name = "slipway-test-" + std::to_string(::getpid()) + "-twice";
    must(docker.create_container(spec, {}));
    const auto twice = docker.create_container(spec, {});
    REQUIRE_FALSE(twice);
    CHECK(twice.error().code() == Errc::conflict);

    const auto no_container = docker.remove_container("slipway-test-none", {}, {});
    REQUIRE_FALSE(no_container);
    CHECK(no_container.error().code() == Errc::not_found);

    CHECK(docker.kill_container("", "TERM", {}).error().code() == Errc::invalid_input);
    CHECK(docker.start_container("../info", {}).error().code() == Errc::invalid_input);
    CHECK(docker.inspect_image("a/../../info", {}).error().code() == Errc::invalid_input);
}

TEST_CASE("a program that is missing fails the start and is told in the state", "[docker]")
{
    test::ImageMaker maker{engine()};
    const CleanUp clean_up;
    auto docker = open();
    const auto created = must(docker.create_container(spec_of(maker.busybox(), {"/no/such/program"}), {}));
    const auto started = docker.start_container(created.id, {});
    REQUIRE_FALSE(started);
    CHECK(started.error().message().find("/no/such/program") != std::string::npos);
    const auto container = must(docker.inspect_container(created.id, {}));
    CHECK(container.state.exit_code == 127);
    CHECK_FALSE(container.state.error.empty());
}

TEST_CASE("networks are found by their whole name only", "[docker]")
{
    auto docker = open();
    const auto bridge = must(docker.find_network("bridge", {}));
    REQUIRE(bridge);
    CHECK(bridge->driver == "bridge");
    CHECK_FALSE(must(docker.find_network("bridg", {})));
    CHECK_FALSE(must(docker.find_network(bridge->id.substr(0, 12), {})));
}

TEST_CASE("a pull from a registry that is away fails", "[docker]")
{
    auto docker = open();
    PullSpec spec;
    spec.image = "127.0.0.1:1/slipway-test/none:1";
    spec.auth = Secret{R"({"username":"u","password":"p?>~"})"};
    spec.timeout = 60s;
    const auto pulled = docker.pull_image(spec, {}, {});
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().message().find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("a hung engine times out within the deadline", "[docker]")
{
    const test::TempDir directory;
    const auto path = directory.path() / "docker.sock";
    test::RawHttpServer hung{path, [](test::RawHttpServer::Connection& peer) { peer.wait_for_close(); }};
    const auto endpoint = Endpoint::parse("unix://" + path.string());
    REQUIRE(endpoint);
    const auto start = std::chrono::steady_clock::now();
    const auto engine = connect(*endpoint, {});
    const auto took = std::chrono::steady_clock::now() - start;
    REQUIRE_FALSE(engine);
    CHECK(engine.error().code() == Errc::timed_out);
    CHECK(took >= deadlines::kPing);
    CHECK(took < deadlines::kPing + 5s);
}

} // namespace slipway::docker
