#include "common/file.h"
#include "test/unit/mothership/control_desk.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

std::uint32_t epoch_of(ControlDesk& desk)
{
    return must(desk.plane->look([](Transaction& records) { return records.meta(); })).epoch;
}

} // namespace

TEST_CASE("restarts do not look like a restored backup")
{
    ControlDesk desk;
    desk.restart();
    desk.restart();
    CHECK(epoch_of(desk) == 1);
    must(desk.plane->check_seen(desk.plane->now()));
    CHECK(epoch_of(desk) == 1);
}

TEST_CASE("a store that is older than the file beside it was restored: plans of before are refused")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    must(replace_file(desk.directory.path() / "generation", "1000\n"));
    desk.restart();
    CHECK(epoch_of(desk) == 2);
    CHECK_THROWS_WITH(desk.act(id, confirm_run), Catch::Contains("planned again"));
    desk.restart();
    CHECK(epoch_of(desk) == 2);
}

TEST_CASE("a store without the file beside it was restored")
{
    ControlDesk desk;
    must(remove_tree(desk.directory.path() / "generation"));
    desk.restart();
    CHECK(epoch_of(desk) == 2);
}

TEST_CASE("a worker that has seen more served time than there was proves a restored store")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    desk.act(id, confirm_run);
    const auto seen = desk.plane->now() + 3'600'000;
    must(desk.plane->check_seen(seen));
    CHECK(epoch_of(desk) == 2);
    CHECK(desk.plane->now() >= seen);
    CHECK(desk.stage(id, 1).core.held);
    CHECK(desk.waiting_for(id).find("operator") != std::string::npos);
    desk.advance(10min);
    CHECK_FALSE(desk.grant());

    must(desk.plane->check_seen(seen));
    CHECK(epoch_of(desk) == 2);
    const auto absurd = desk.plane->check_seen(INT64_MAX);
    REQUIRE_FALSE(absurd);
    CHECK(absurd.error().code() == Errc::invalid_input);
}

TEST_CASE("a grant of the new epoch is above all that the lost history may have made")
{
    ControlDesk desk;
    const auto id = desk.start_run(RunType::proposed);
    must(desk.plane->check_seen(desk.plane->now() + 1'000'000));
    CHECK_FALSE(desk.grant());
    desk.advance(6min);
    const auto stage = desk.grant();
    REQUIRE(stage);
    CHECK(stage->run_id == id);
    CHECK(stage->core.fence == protocol::Fence{2, 1});
}
