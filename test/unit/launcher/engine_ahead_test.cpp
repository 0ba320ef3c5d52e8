#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <future>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageEvent;
using protocol::StageKind;
using House = EngineHouse;

namespace {

const std::string kSources = "the sources";

void with_sources(protocol::Assignment& assignment) { assignment.source_blob = "source-1.tar"; }

std::ptrdiff_t puts_of_sources(const House& house)
{
    const auto puts = house.host.puts();
    return std::ranges::count_if(
        puts, [](const auto& put) { return put.find(kSources) != std::string::npos; });
}

std::string started_image(const House& house, const std::string& id)
{
    for (const auto& report : house.backend.reports(id))
        if (report.event == StageEvent::started)
            return report.image_id;
    return "(not started)";
}

} // namespace

TEST_CASE("sources are in the slot before a stage is accepted, and nothing of it runs when it is refused")
{
    House house;
    house.backend.add_blob("source-1.tar", kSources);
    std::promise<std::string> added;
    std::atomic<bool> filled{false};
    house.hook = [&, id = added.get_future().share()](std::string_view step) {
        if (step != "before accept")
            return;
        filled = house.backend.wait_until([&] { return puts_of_sources(house) == 1; }, 20s);
        house.backend.cancel(id.get());
    };
    added.set_value(house.add(StageKind::write, with_sources));
    CHECK(house.backend.wait_until([&] { return filled && house.host.names().empty(); }, 20s));
    CHECK(house.backend.wait_until(
        [&] { return std::filesystem::is_empty(house.directory.path() / "state" / "jobs"); }, 20s));
    CHECK(house.host.started().empty());
}

TEST_CASE("what a control plane does not give before a stage is accepted is fetched afterwards")
{
    House house;
    house.backend.give_early(false);
    house.backend.add_blob("source-1.tar", kSources);
    house.hook = [&](std::string_view step) { // which came first is then known
        if (step == "before accept")
            CHECK(house.backend.wait_until([&] { return house.host.made() == 1; }, 20s));
    };
    const auto id = house.add(StageKind::read, with_sources);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(puts_of_sources(house) == 1);
    CHECK(house.host.made() == 1);
}

TEST_CASE("an idle container is taken by the name of its image, and given up when that means another one")
{
    const std::string image = GENERATE("sha256:fake", "sha256:older");
    CAPTURE(image);
    House house;
    house.backend.add_blob("source-1.tar", kSources);
    house.host.keep_idle(image);
    const auto id = house.add(StageKind::read, with_sources);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(started_image(house, id) == "sha256:fake");
    CHECK(house.host.made() == (image == "sha256:fake" ? 1 : 2));
    CHECK(puts_of_sources(house) == house.host.made());
    CHECK(house.backend.wait_until([&] { return house.host.names().empty(); }, 20s));
}
