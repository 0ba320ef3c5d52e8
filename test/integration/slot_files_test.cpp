#include "launcher/file_tar.h"
#include "test/hostile/slot_fixture.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::test;

namespace {

Result<std::string> get(SlotFixture& fixture, const std::string& path, const std::string& user = {})
{
    std::string archive;
    const slot::Sink append = [&](std::string_view bytes) -> Result<void> {
        archive.append(bytes);
        return {};
    };
    SLIPWAY_TRY(fixture.slot().link().get({.directory = path, .user = user}, append, {}));
    return archive;
}

slot::Producer once(const std::string& bytes)
{
    return [bytes](const slot::Sink& sink) { return sink(bytes); };
}

} // namespace

TEST_CASE("one file comes out of a slot, and one that is not there is told apart from a failure")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell("mkdir -p /job; printf content >/job/state; chmod 600 /job/state; mkfifo /job/pipe");
    CHECK(launcher::only_file_of(get(fixture, "/job/state").value_or("")).value_or("") == "content");
    const auto absent = get(fixture, "/job/other");
    REQUIRE_FALSE(absent);
    CHECK(absent.error().code() == Errc::conflict);
    const auto forbidden = get(fixture, "/job/state", "1983");
    REQUIRE_FALSE(forbidden);
    CHECK(forbidden.error().code() == Errc::rejected);
    CHECK_FALSE(get(fixture, "/job/pipe")); // and nobody waits for its other end
}

TEST_CASE("a full disk of the container is told apart from an archive that is refused")
{
    SlotFixture fixture;
    fixture.create([](slot::SlotSpec& spec) { spec.tmpfs = {{"/small", "size=64k"}}; });
    const auto large = launcher::make_tar({{.path = "large", .content = std::string(1'000'000, 'x')}});
    REQUIRE(large);
    const auto full = fixture.slot().link().put({.directory = "/small", .user = ""}, once(*large), {});
    REQUIRE_FALSE(full);
    CHECK(full.error().code() == Errc::exhausted);
    const auto refused
        = fixture.slot().link().put({.directory = "/small", .user = ""}, once(std::string(2048, 'x')), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
}

TEST_CASE("what a link of the job leads to comes out as the job's user sees it")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell(
        "mkdir -p /job /cache /hidden; echo plugin >/cache/p; echo secret >/hidden/s; chmod 700 /hidden;"
        "ln -s /cache /job/cache; chown -R 1983 /job");
    const auto tar = get(fixture, "/job", "1983");
    REQUIRE(tar);
    CHECK(tar->find("cache/p") != std::string::npos);
    CHECK(tar->find("plugin\n") != std::string::npos);
    fixture.shell("ln -s /hidden/s /job/key");
    const auto refused = get(fixture, "/job", "1983");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("key: ") != std::string::npos);
}
