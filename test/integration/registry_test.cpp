#include "common/file.h"
#include "launcher/image_store.h"
#include "test/support/image_maker.h"
#include "test/support/manual_clock.h"
#include "test/support/registry.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;

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

docker::Docker open_docker()
{
    auto docker = docker::Docker::open(the_engine());
    if (!docker)
        throw std::runtime_error{docker.error().message()};
    return *std::move(docker);
}

/// A launcher's images, and a registry with images of this test alone.
struct Depot {
    OwnRegistry registry;
    TempDir directory;
    ManualClock clock{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    ImageMaker maker{the_engine()};
    docker::Docker docker = open_docker();
    ImageStoreSettings settings{.engine = the_engine(), .state_directory = directory.path()};
    std::unique_ptr<ImageStore> store;
    std::vector<std::string> lines;
    std::vector<std::string> names; ///< Removed at the end.

    Depot()
    {
        settings.registry.docker_config_dir = directory.path();
        settings.registry.helper.environment = {{"PATH", "/usr/bin:/bin"}};
        registry.write_login(directory.path());
        restart();
    }

    ~Depot()
    {
        for (const auto& name : names)
            (void)docker.remove_image(name, {});
    }

    void restart() { store = std::make_unique<ImageStore>(settings, clock, Logger{sink}); }

    /// Makes an image that is nowhere but in the registry. Returns its digest.
    std::string publish(const std::string& name, const std::string& mark)
    {
        ImageMaker here{the_engine()};
        names.push_back(name);
        return registry.take(here.busybox({"LABEL mark=" + mark}), name);
    }

    Result<RunnerImage> find(const std::string& name, const std::string& id = {})
    {
        lines.clear();
        return store->find(
            {.image = name, .id = id}, [this](std::string_view line) { lines.emplace_back(line); }, {});
    }

    [[nodiscard]] bool said(std::string_view words) const
    {
        return std::ranges::any_of(
            lines, [words](const auto& line) { return line.find(words) != std::string::npos; });
    }

    std::string mark_of(const std::string& image)
    {
        const auto here = docker.inspect_image(image, {});
        const auto labels = here ? here->labels : docker::StringPairs{};
        const auto mark = std::ranges::find(labels, "mark", &std::pair<std::string, std::string>::first);
        return mark == labels.end() ? "" : mark->second;
    }
};

std::string failure_of(const Result<RunnerImage>& found, Errc code)
{
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == code);
    CHECK(found.error().message().find("secret") == std::string::npos);
    return found.error().message();
}

bool holds(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

} // namespace

TEST_CASE("an image is pulled with the login of config.json, and with that of a helper")
{
    Depot depot;
    const auto name = depot.registry.name("tool:1");
    const auto digest = depot.publish(name, "one");
    const auto found = depot.find(name);
    REQUIRE(found);
    CHECK(found->reference == depot.registry.name("tool") + "@" + digest);
    CHECK(depot.mark_of(found->id) == "one");
    CHECK(depot.said("pulling the image " + name));
    for (const auto& line : depot.lines)
        CHECK(line.find("secret") == std::string::npos);

    const auto helped = depot.registry.name("helped:1");
    depot.publish(helped, "helped");
    REQUIRE(replace_file(depot.directory.path() / "docker-credential-slipwaytest",
        "#!/bin/sh\necho '{\"Username\":\"ci\",\"Secret\":\"secret\"}'\n", Durability::process, 0700));
    REQUIRE(replace_file(depot.directory.path() / "config.json",
        R"({"credHelpers":{")" + depot.registry.host() + R"(":"slipwaytest"}})"));
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", (depot.directory.path().string() + ":" + path).c_str(), 1);
    const auto by_helper = depot.find(helped);
    ::setenv("PATH", path.c_str(), 1);
    REQUIRE(by_helper);
    CHECK(depot.mark_of(by_helper->id) == "helped");
}

TEST_CASE(
    "a pull that fails says why: no login, a wrong one, one that has expired, no such image, no registry")
{
    Depot depot;
    const auto name = depot.registry.name("tool:1");
    depot.publish(name, "one");
    CHECK(holds(failure_of(depot.find(depot.registry.name("tool:none")), Errc::not_found), "has no image"));
    CHECK(holds(failure_of(depot.find(depot.registry.name("none:1")), Errc::not_found), "has no image"));
    depot.registry.write_login(depot.directory.path(), "wrong");
    auto words = failure_of(depot.find(name), Errc::rejected);
    CHECK(holds(words, "refuses the image " + name));
    CHECK(holds(words, "as \"ci\""));
    CHECK_FALSE(holds(words, "wrong"));
    REQUIRE(replace_file(depot.directory.path() / "config.json", "{}"));
    words = failure_of(depot.find(name), Errc::rejected);
    CHECK(holds(words, "without credentials"));
    CHECK(holds(words, "docker login " + depot.registry.host()));
    depot.registry.write_login(depot.directory.path());
    depot.registry.change_password();
    CHECK(holds(failure_of(depot.find(name), Errc::rejected), "expired"));
    depot.registry.stop();
    CHECK(holds(failure_of(depot.find(name), Errc::unreachable),
        "the registry " + depot.registry.host() + " cannot be reached"));
    CHECK(holds(failure_of(depot.find("Not/A:Name"), Errc::invalid_input), "is not the name of an image"));
}

TEST_CASE("a newer image of the same name is fetched when every run asks, and only then")
{
    Depot depot;
    const auto name = depot.registry.name("tool:1");
    depot.publish(name, "old");
    const auto old = depot.find(name);
    REQUIRE(old);
    depot.publish(name, "new");
    // As if it had been published from elsewhere: here, the name means the old one.
    REQUIRE(test::run_program(
        {"docker", "--config", depot.directory.path().string(), "pull", "-q", old->reference}));
    REQUIRE(test::run_program({"docker", "tag", old->reference, name}));

    depot.settings.pull = Pull::if_missing;
    depot.restart();
    CHECK(depot.mark_of(depot.find(name)->id) == "old");
    CHECK(depot.lines.empty());
    depot.settings.pull = Pull::never;
    depot.restart();
    CHECK(depot.mark_of(depot.find(name)->id) == "old");
    CHECK(holds(failure_of(depot.find(depot.registry.name("tool:2")), Errc::not_found), "SLIPWAY_PULL"));
    depot.settings.pull = Pull::always;
    depot.restart();
    const auto fresh = depot.find(name);
    REQUIRE(fresh);
    CHECK(depot.mark_of(fresh->id) == "new");

    // What was asked a moment ago is not asked again; then it is.
    depot.registry.stop();
    REQUIRE(depot.find(name));
    CHECK(depot.lines.empty());
    depot.clock.advance(RunnerImages::kFresh + 1s);
    const auto unasked = depot.find(name);
    REQUIRE(unasked);
    CHECK(unasked->id == fresh->id);
    CHECK(depot.said("its registry could not be asked"));
    (void)depot.docker.remove_image(old->reference, {});
}

TEST_CASE("a registry that refuses or has lost an image that is here fails the run")
{
    Depot depot;
    const auto name = depot.registry.name("tool:1");
    depot.publish(name, "one");
    REQUIRE(depot.find(name));
    depot.clock.advance(1min);
    REQUIRE(replace_file(depot.directory.path() / "config.json", "{}"));
    CHECK(holds(failure_of(depot.find(name), Errc::rejected), "refuses"));
    depot.registry.write_login(depot.directory.path());
    depot.registry.drop("tool");
    CHECK(holds(failure_of(depot.find(name), Errc::not_found), "has no image"));
}

TEST_CASE("an image that was made here is never asked for")
{
    Depot depot;
    const auto name = depot.registry.name("made-here:1");
    REQUIRE(test::run_program({"docker", "tag", depot.maker.busybox(), name}));
    depot.names.push_back(name);
    const auto found = depot.find(name);
    REQUIRE(found);
    CHECK(found->reference.empty());
    CHECK(depot.lines.empty());
    const auto again = depot.find(name, found->id);
    REQUIRE(again);
    CHECK(again->id == found->id);
    const auto gone = depot.find(name, "sha256:" + std::string(64, 'a'));
    CHECK(holds(failure_of(gone, Errc::conflict), "plan again"));
}

TEST_CASE("a later stage on another worker uses the image of the first one, or fails with that cause")
{
    Depot depot;
    const auto name = depot.registry.name("tool:1");
    depot.publish(name, "planned");
    const auto planned = depot.find(name);
    REQUIRE(planned);
    REQUIRE(depot.docker.remove_image(name, {})); // as if this were another worker
    depot.publish(name, "moved");
    const auto applied = depot.find(name, planned->reference);
    REQUIRE(applied);
    CHECK(applied->id == planned->id);
    CHECK(depot.mark_of(applied->id) == "planned");
    REQUIRE(depot.docker.remove_image(planned->reference, {}));
    depot.registry.drop("tool");
    const auto words = failure_of(depot.find(name, planned->reference), Errc::conflict);
    CHECK(holds(words, planned->reference));
    CHECK(holds(words, "plan again"));
}

TEST_CASE("when the disk is full, images that we pulled go, the least recently used first, and no other")
{
    Depot depot;
    std::map<std::string, std::string> ids;
    for (const std::string what : {"oldest", "used", "theirs", "newest", "fresh"}) {
        depot.clock.advance(1h);
        const auto name = depot.registry.name(what + ":1");
        depot.publish(name, what);
        const auto found = depot.find(name);
        REQUIRE(found);
        ids[what] = found->id;
    }
    const auto is_here
        = [&](const std::string& what) { return depot.docker.inspect_image(ids[what], {}).has_value(); };
    const auto local = depot.maker.busybox();
    const auto other = depot.registry.name("someone-elses:1");
    REQUIRE(test::run_program({"docker", "tag", ids["theirs"], other}));
    depot.names.push_back(other);
    const auto container = depot.docker.create_container(
        {.name = "", .image = ids["used"], .cmd = docker::Strings{"true"}}, {});
    REQUIRE(container);

    PulledImages after_restart{depot.directory.path() / "images", depot.clock, Logger{depot.sink}};
    REQUIRE(after_restart.clean(depot.docker, {}, [&] { return !is_here("oldest"); }, {}));
    CHECK_FALSE(is_here("oldest"));
    CHECK(is_here("newest"));

    REQUIRE(depot.store->make_room({}, {})); // there is room
    CHECK(is_here("newest"));
    depot.settings.least.bytes = UINT64_MAX;
    depot.settings.cleanup = false;
    depot.restart();
    REQUIRE(depot.store->make_room({}, {}));
    CHECK(is_here("newest"));
    depot.settings.cleanup = true;
    depot.restart();
    const auto made = depot.store->make_room({}, {});
    CHECK_FALSE(is_here("newest"));
    for (const auto* what : {"used", "theirs", "fresh"})
        CHECK(is_here(what));
    CHECK(depot.docker.inspect_image(local, {}));
    REQUIRE(depot.docker.remove_container(container->id, {.force = true}, {}));
    REQUIRE(made);
    depot.clock.advance(1h);
    REQUIRE(depot.store->make_room({}, {}));
    CHECK_FALSE(is_here("used"));
    CHECK_FALSE(is_here("fresh"));
    CHECK(is_here("theirs"));
}
