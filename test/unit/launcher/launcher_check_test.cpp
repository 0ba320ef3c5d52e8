#include "docker-client/docker.h"
#include "launcher/docker_host.h"
#include "test/unit/launcher/launcher_program.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>

using namespace slipway;
using namespace slipway::test;

namespace {

/// Asks this machine's engine for the containers by which a launcher tries out how slots are made.
class Checks {
public:
    explicit Checks(std::filesystem::path state)
        : state_{std::move(state)}
    {
        const auto endpoint = docker::Endpoint::parse("");
        REQUIRE(endpoint);
        const auto engine = docker::connect(*endpoint, {});
        REQUIRE(engine);
        auto docker = docker::Docker::open(*engine);
        REQUIRE(docker);
        docker_.emplace(*std::move(docker));
    }

    [[nodiscard]] std::vector<docker::ContainerSummary> there()
    {
        const auto instance = read_file_if_exists(state_ / "instance", 64);
        REQUIRE(instance);
        if (!*instance)
            return {};
        const auto id = (*instance)->substr(0, (*instance)->find('\n'));
        auto found = docker_->list_containers({{std::string{launcher::kInstanceLabel}, id}}, {});
        REQUIRE(found);
        std::erase_if(*found, [](const auto& one) {
            return one.names.empty() || !one.names.front().starts_with(launcher::kCheckNames);
        });
        return *std::move(found);
    }

    [[nodiscard]] bool is_over() const { return std::filesystem::exists(state_ / "transport"); }

    /// False: it was over before it was seen.
    [[nodiscard]] bool see_one()
    {
        REQUIRE(comes_true([&] { return is_over() || !there().empty(); }));
        return !is_over();
    }

    void forget() { std::filesystem::remove(state_ / "transport"); }

private:
    std::filesystem::path state_;
    std::optional<docker::Docker> docker_;
};

} // namespace

TEST_CASE("TERM while a launcher tries out how slots are made: no container of that stays", "[launcher]")
{
    FakeMothership server{pool()};
    Launcher launcher{server.url()};
    launcher.with("SLIPWAY_SLOT_TRANSPORT", "auto");
    Checks checks{launcher.directory() / "state"};
    const auto interrupted = [&] {
        checks.forget();
        auto process = launcher.start();
        const bool seen = checks.see_one();
        process.signal(SIGTERM);
        const auto code = process.wait(kSoon);
        INFO(launcher.log());
        REQUIRE(code);
        CHECK(*code == 0);
        CHECK(checks.there().empty());
        return seen;
    };
    CHECK(comes_true(interrupted));
}

TEST_CASE(
    "what a launcher that was killed leaves of the check of slots, its next start removes", "[launcher]")
{
    FakeMothership server{pool()};
    Launcher launcher{server.url()};
    launcher.with("SLIPWAY_SLOT_TRANSPORT", "auto");
    Checks checks{launcher.directory() / "state"};
    const auto leaves_one = [&] {
        checks.forget();
        auto process = launcher.start();
        const bool seen = checks.see_one();
        process.kill();
        return seen && !checks.is_over() && !checks.there().empty();
    };
    REQUIRE(comes_true(leaves_one));
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    CHECK(comes_true([&] { return checks.is_over() && checks.there().empty(); }));
    INFO(launcher.log());
    process.signal(SIGTERM);
    CHECK(process.wait(kSoon));
    CHECK(checks.there().empty());
}
