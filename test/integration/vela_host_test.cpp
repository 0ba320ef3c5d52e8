#include "launcher/vela/build_host.h"
#include "test/support/image_maker.h"
#include "test/support/registry.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace slipway::vela {

using namespace std::chrono_literals;

namespace {

template <class T> T must(Result<T> result)
{
    INFO((result ? "" : result.error().message()));
    REQUIRE(result);
    return *std::move(result);
}

void must(const Result<void>& result)
{
    INFO((result ? "" : result.error().message()));
    REQUIRE(result);
}

const docker::Engine& the_engine()
{
    static const docker::Engine engine = [] {
        const char* const host = std::getenv("DOCKER_HOST"); // NOLINT(concurrency-mt-unsafe): nobody sets it
        const auto endpoint = docker::Endpoint::parse(host == nullptr ? "" : host);
        auto found = endpoint ? docker::connect(*endpoint, {}) : Result<docker::Engine>{endpoint.error()};
        if (!found)
            throw std::runtime_error{found.error().message()};
        return *std::move(found);
    }();
    return engine;
}

const std::string& busybox()
{
    static test::ImageMaker maker{the_engine()};
    static const std::string image = maker.busybox({"ENV FROM_IMAGE=yes", "USER 4711"});
    return image;
}

/// A host of builds, and a build of it; what it made is removed at its end.
struct Site {
    test::TempDir directory;
    SystemClock clock;
    SystemRandom random;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    std::string instance = "vela-test-" + std::to_string(::getpid());
    std::string pipeline = instance + "-1";
    std::vector<HostVolume> volumes;
    std::vector<std::string> dropped;
    std::unique_ptr<BuildHost> host;
    BuildImage image;
    std::optional<launcher::SlotFact> fact;

    explicit Site(std::vector<HostVolume> mounts = {}, std::vector<std::string> drop = {})
        : volumes{std::move(mounts)}
        , dropped{std::move(drop)}
    {
        host = open(instance);
        image = must(host->image(busybox(), Fetch::when_missing, [](std::string_view) {}, {}));
        must(host->make_network(pipeline, {}));
        must(host->make_volume(pipeline, {}));
    }

    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    ~Site() { (void)host->remove_place(pipeline, {}); }

    std::unique_ptr<BuildHost> open(const std::string& of)
    {
        return must(BuildHost::open({.engine = the_engine(),
                                        .instance_id = of,
                                        .state_directory = directory.path() / of,
                                        .volumes = volumes,
                                        .drop_capabilities = dropped,
                                        .docker_config_dir = directory.path()},
            clock, random, Logger{sink}, {}));
    }

    Container container(const std::string& name) const
    {
        Container container;
        container.id = pipeline + "_" + name;
        container.name = name;
        container.image = busybox();
        container.directory = "/vela/src/deep";
        container.user = "0";
        return container;
    }

    std::unique_ptr<launcher::JobSlot> create(const Container& container, bool privileged = false)
    {
        const auto keep = [this](const launcher::SlotFact& slot) -> Result<void> {
            fact = slot;
            return {};
        };
        return must(host->create(
            {.container = container, .image_id = image.id, .place = pipeline, .privileged = privileged}, keep,
            {}));
    }

    /// What a command prints; then its exit code.
    std::string run(launcher::JobSlot& slot, const std::string& script, int seq = 1) const
    {
        must(slot.run({.seq = seq,
            .argv = {"/bin/sh", "-c", script},
            .environment = {{"PATH", "/bin"}, {"GIVEN", "too"}},
            .directory = "/vela/src/deep"}));
        return output(slot);
    }

    std::string output(launcher::JobSlot& slot) const
    {
        std::string out;
        for (const auto until = clock.now() + 30s; clock.now() < until;) {
            const auto event = must(slot.next(1s, {}));
            if (const auto* more = std::get_if<launcher::SlotOutput>(&event))
                out += more->bytes;
            if (const auto* exit = std::get_if<launcher::SlotExit>(&event))
                return out + std::to_string(exit->code);
        }
        FAIL("the command does not end");
        return out;
    }
};

docker::Docker engine() { return must(docker::Docker::open(the_engine())); }

} // namespace

TEST_CASE("containers of a build share a volume and find each other by name", "[vela][docker]")
{
    Site site;
    auto service = site.create(site.container("db"));
    auto step = site.create(site.container("test"));
    CHECK(
        site.run(*service, "pwd; echo $FROM_IMAGE $GIVEN; echo shared >file; (nc -l -p 99 <file &) ; exit 3")
        == "/vela/src/deep\nyes too\n3");
    CHECK(site.run(*step, "cat file; nslookup db 2>&1 | grep -c 'Name:.*db'; id -u; exit 0")
        == "shared\n1\n0\n0");
    const auto name = site.container("test").id;
    std::string text;
    const launcher::Sink append = [&](std::string_view piece) -> Result<void> {
        text += piece;
        return {};
    };
    CHECK(must(site.host->read_file(name, "/vela/src/deep/file", 7, append, {})) == 7U);
    CHECK(text == "shared\n");
    CHECK_FALSE(must(site.host->read_file(name, "/vela/none", 7, append, {})));
    const auto large = site.host->read_file(name, "/vela/src/deep/file", 6, append, {});
    REQUIRE_FALSE(large);
    CHECK(large.error().code() == Errc::exhausted);
    CHECK_FALSE(site.host->read_file(name, "/vela/src", 100, append, {}));
}

TEST_CASE("a container of a build has Docker's own rights, less what is dropped, or all", "[vela][docker]")
{
    test::TempDir shown;
    Site site{{{.source = shown.path().string(), .target = "/host", .read_only = true},
                  {.source = shown.path().string(), .target = "/etc/ssl/certs", .read_only = true}},
        {"MKNOD"}};
    auto wanted = site.container("plain");
    wanted.user.clear();
    wanted.ulimits = {{.name = "nofile", .soft = 123, .hard = 456}};
    auto plain = site.create(wanted);
    CHECK(
        site.run(*plain,
            "id -u; ulimit -n; ulimit -Hn; grep -c ' /host .*ro,' /proc/self/mounts; grep -c /etc/ssl/certs "
            "/proc/self/mounts; grep CapBnd /proc/self/status")
        // Docker's 14 capabilities, less MKNOD.
        == "4711\n123\n456\n1\n1\nCapBnd:\t00000000a00425fb\n0");

    auto kaniko = site.container("kaniko");
    kaniko.image = "target/vela-kaniko:latest";
    auto without = site.create(kaniko);
    CHECK(site.run(*without, "grep -c /etc/ssl/certs /proc/self/mounts") == "0\n1");
}

TEST_CASE("a privileged container of a build has all rights", "[vela][docker]")
{
    Site site;
    auto docker = engine();
    docker::ContainerSpec probe;
    probe.name = site.pipeline + "_probe";
    probe.image = busybox();
    probe.cmd = docker::Strings{"true"};
    probe.user = "0:0"; // As slot-init.
    probe.privileged = true;
    probe.labels = {{std::string{kVelaLabel}, site.instance}};
    const auto made = must(docker.create_container(probe, {}));
    if (const auto started = docker.start_container(made.id, {}); !started) {
        WARN("not tested: this machine's engine starts no privileged container: "
            << started.error().message());
        return;
    }
    auto slot = site.create(site.container("all"), true);
    CHECK(site.run(*slot, "mount -t tmpfs none /mnt || mount -t tmpfs none /tmp || mount -t tmpfs none /bin")
        == "0");
}

TEST_CASE("a container of a build is taken over after a crash with all of its output", "[vela][docker]")
{
    Site site;
    auto slot = site.create(site.container("step"));
    must(slot->run({.seq = 1,
        .argv = {"/bin/sh", "-c", "echo one; while ! test -e go; do sleep 0.05; done; echo two"},
        .environment = {{"PATH", "/bin"}},
        .directory = "/vela/src/deep"}));
    std::string before;
    while (before.size() < 4) {
        const auto event = must(slot->next(1s, {}));
        if (const auto* more = std::get_if<launcher::SlotOutput>(&event))
            before += more->bytes;
    }
    CHECK(before == "one\n");
    const auto kept = *site.fact;
    slot.reset();
    site.host.reset();
    site.host = site.open(site.instance);
    must(site.host->sweep({site.pipeline}, {}));
    auto helper = site.create(site.container("helper"));
    CHECK(site.run(*helper, "touch go") == "0");
    auto again = must(site.host->adopt(kept, before.size(), {}));
    CHECK(again->last_seq() == 1);
    CHECK(site.output(*again) == "two\n0");
    must(site.host->remove(kept.container, {}));
    const auto gone = site.host->adopt(kept, 0, {});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code() == Errc::not_found);
}

TEST_CASE("an image of a build is pulled when asked, and what cannot be had is said", "[vela][docker]")
{
    Site site;
    const auto none = [](std::string_view) {};
    CHECK(site.image.shown.find(site.image.id) != std::string::npos);
    CHECK(site.image.user == "4711");
    const auto missing = site.host->image("127.0.0.1:9/none:1", Fetch::when_missing, none, {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == Errc::unreachable);
    const auto never = site.host->image("127.0.0.1:9/none:1", Fetch::never, none, {});
    REQUIRE_FALSE(never);
    CHECK(never.error().code() == Errc::not_found);
    const auto always = site.host->image("127.0.0.1:9/none:1", Fetch::always, none, {});
    REQUIRE_FALSE(always);
    const auto wrong = site.host->image("UPPER/", Fetch::never, none, {});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code() == Errc::invalid_input);
}

TEST_CASE("an image of a build is pulled from a registry that wants a login", "[vela][docker]")
{
    Site site;
    test::ImageMaker maker{the_engine()};
    test::OwnRegistry registry;
    registry.start();
    const auto name = registry.name("private:1");
    const auto digest = registry.take(maker.busybox({"ENV ORIGIN=registry"}), name);
    std::string told;
    const auto tell = [&](std::string_view line) { told += std::string{line} + "\n"; };

    const auto refused = site.host->image(name, Fetch::when_missing, tell, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
    CHECK(refused.error().message().find("DOCKER_CONFIG set as it is for this worker") != std::string::npos);

    registry.write_login(site.directory.path());
    const auto pulled = must(site.host->image(name, Fetch::when_missing, tell, {}));
    CHECK(told.find("pulling the image " + name) != std::string::npos);
    CHECK(must(site.host->image(name, Fetch::never, tell, {})).id == pulled.id);
    // A digest decides over a tag.
    const auto pinned = registry.name("private:none@" + digest);
    CHECK(must(site.host->image(pinned, Fetch::never, tell, {})).id == pulled.id);

    // What is there does for everything but "always".
    registry.drop("private");
    CHECK(must(site.host->image(name, Fetch::when_missing, tell, {})).id == pulled.id);
    CHECK_FALSE(site.host->image(name, Fetch::always, tell, {}));
    must(engine().remove_image(name, {}));
    (void)engine().remove_image(registry.name("private@" + digest), {}); // Or it went with its tag.
}

TEST_CASE("what is left of builds is removed, and never what is not this worker's", "[vela][docker]")
{
    Site site;
    auto docker = engine();
    auto left = site.create(site.container("left"));
    auto& host = *site.host;
    // Making what is there, and removing what is gone.
    must(host.make_network(site.pipeline, {}));
    must(host.make_volume(site.pipeline, {}));
    must(host.remove("vela-test-none", {}));
    must(host.remove_place("vela-test-none", {}));
    // A name of ours is taken again, one of others is not.
    const auto anew = site.create(site.container("left"));
    const auto other = site.open(site.instance + "-other");
    const auto taken = other->create(
        {.container = site.container("left"), .image_id = site.image.id, .place = site.pipeline},
        [](const launcher::SlotFact&) -> Result<void> { return {}; }, {});
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code() == Errc::conflict);
    CHECK_FALSE(other->make_network(site.pipeline, {}));
    CHECK_FALSE(other->make_volume(site.pipeline, {}));
    must(other->remove(site.container("left").id, {}));
    must(other->remove_place(site.pipeline, {}));
    must(other->sweep({}, {}));
    must(host.sweep({}, {})); // its own
    must(site.open(site.instance)->sweep({site.pipeline}, {}));
    CHECK(docker.inspect_container(site.container("left").id, {}));
    CHECK(docker.describe_network(site.pipeline, {}));
    CHECK(docker.describe_volume(site.pipeline, {}));

    must(site.open(site.instance)->sweep({}, {}));
    CHECK_FALSE(docker.inspect_container(site.container("left").id, {}));
    CHECK_FALSE(docker.describe_network(site.pipeline, {}));
    CHECK_FALSE(docker.describe_volume(site.pipeline, {}));
    CHECK(std::filesystem::is_empty(site.directory.path() / site.instance / "slots"));
}

} // namespace slipway::vela
