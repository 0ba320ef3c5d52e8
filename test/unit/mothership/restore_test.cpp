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

/// What a worker says that was told `seen` by this control plane.
Result<void> show(ControlDesk& desk, Millis seen)
{
    return desk.plane->check_seen(seen, desk.plane->mark_of(seen));
}

/// The store's files, as a copy that was made while the control plane ran.
std::filesystem::path back_up(ControlDesk& desk)
{
    const auto copy = desk.directory.path() / "backup";
    std::filesystem::create_directory(copy);
    for (const auto* name : {"slipway.db", "slipway.db-wal"})
        std::filesystem::copy_file(desk.directory.path() / name, copy / name);
    return copy;
}

void restore(ControlDesk& desk, const std::filesystem::path& copy)
{
    desk.plane.reset();
    desk.store.reset();
    for (const auto* name : {"slipway.db", "slipway.db-wal", "slipway.db-shm"})
        std::filesystem::remove(desk.directory.path() / name);
    for (const auto* name : {"slipway.db", "slipway.db-wal"})
        std::filesystem::copy_file(copy / name, desk.directory.path() / name);
    desk.restart();
}

/// Undoes a transaction that it was told to, as a full disk does.
class FailingStore final : public Store {
public:
    explicit FailingStore(Store& store)
        : store_{store}
    {
    }

    Result<void> write(const Body& body) override
    {
        return store_.write([&](Transaction& records) -> Result<void> {
            SLIPWAY_TRY(body(records));
            return --until_failure == 0 ? Error{Errc::internal, "the disk is full"} : Result<void>{};
        });
    }

    Result<void> read(const Body& body) override { return store_.read(body); }

    int until_failure = 0;

private:
    Store& store_;
};

} // namespace

TEST_CASE("restarts do not look like a restored backup")
{
    ControlDesk desk;
    desk.restart();
    desk.restart();
    CHECK(epoch_of(desk) == 1);
    must(show(desk, desk.plane->now()));
    CHECK(epoch_of(desk) == 1);
}

TEST_CASE("a store that is older than the file beside it was restored: plans of before are refused")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    must(replace_file(desk.directory.path() / "generation", "1000000\n"));
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
    must(show(desk, seen));
    CHECK(epoch_of(desk) == 2);
    CHECK(desk.plane->now() >= seen);
    CHECK(desk.stage(id, 1).core.held);
    CHECK(desk.waiting_for(id).find("operator") != std::string::npos);
    desk.advance(10min);
    CHECK_FALSE(desk.grant());

    must(show(desk, seen));
    CHECK(epoch_of(desk) == 2);
}

TEST_CASE("a grant of the new epoch is above all that the lost history may have made")
{
    ControlDesk desk;
    const auto id = desk.start_run(RunType::proposed);
    must(show(desk, desk.plane->now() + 1'000'000));
    CHECK_FALSE(desk.grant());
    desk.advance(6min);
    const auto stage = desk.grant();
    REQUIRE(stage);
    CHECK(stage->run_id == id);
    CHECK(stage->core.fence == protocol::Fence{2, 1});
}

TEST_CASE("what a worker has seen of another control plane, or made up, proves nothing")
{
    ControlDesk desk;
    ControlDesk other;
    const auto seen = desk.plane->now() + 3'600'000;
    for (const auto& mark :
        {std::string{}, std::string{"made up"}, other.plane->mark_of(seen), desk.plane->mark_of(seen - 1)})
        must(desk.plane->check_seen(seen, mark));
    must(show(desk, INT64_MAX));
    CHECK(epoch_of(desk) == 1);
    CHECK(desk.plane->server_id() != other.plane->server_id());
    const auto mark = desk.plane->mark_of(seen);
    const auto id = desk.plane->server_id();
    desk.restart();
    CHECK(desk.plane->mark_of(seen) == mark);
    CHECK(desk.plane->server_id() == id);
}

TEST_CASE("a backup that is put back without a start between is noticed")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    const auto copy = back_up(desk);
    desk.advance(2s);
    SECTION("after a kill") { restore(desk, copy); }
    SECTION("after an end in order")
    {
        std::stop_source stop;
        stop.request_stop();
        desk.plane->run(stop.get_token());
        restore(desk, copy);
    }
    CHECK(epoch_of(desk) == 2);
    CHECK_THROWS_WITH(desk.act(id, confirm_run), Catch::Contains("planned again"));
}

TEST_CASE("all that follows from a restored store is done at once or not at all")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    desk.plan(id);
    desk.act(id, confirm_run);
    FailingStore store{*desk.store};
    SystemRandom random;
    http::Topics topics;
    LogSink sink{-1, LogFormat::logfmt, LogLevel::error, desk.clock};
    const auto file = desk.directory.path() / "generation";
    const ControlPlaneParts parts{
        .store = store, .topics = topics, .clock = desk.clock, .random = random, .logger = Logger{sink}};
    SECTION("when a worker proves it")
    {
        desk.plane = must(ControlPlane::start(parts, file));
        const auto seen = desk.plane->now() + 3'600'000;
        for (int transaction = 1; epoch_of(desk) == 1; ++transaction) {
            REQUIRE(transaction < 10);
            store.until_failure = transaction;
            if (!show(desk, seen)) {
                CHECK(epoch_of(desk) == 1);
                CHECK(desk.plane->now() < seen);
                CHECK_FALSE(desk.stage(id, 1).core.held);
            }
        }
        CHECK(desk.plane->now() >= seen);
    }
    SECTION("when the file beside it proves it")
    {
        must(replace_file(file, "1000000\n"));
        desk.plane.reset();
        for (int transaction = 1; !desk.plane; ++transaction) {
            REQUIRE(transaction < 10);
            store.until_failure = transaction;
            if (auto started = ControlPlane::start(parts, file))
                desk.plane = *std::move(started);
        }
    }
    CHECK(epoch_of(desk) == 2);
    CHECK(desk.stage(id, 1).core.held);
    desk.plane.reset();
}

TEST_CASE("an operator releases a held stage, once, and what a worker has is declared lost")
{
    ControlDesk desk;
    const auto id = desk.start_run();
    CHECK_THROWS_WITH(desk.act(id, release_run), Catch::Contains("not held"));
    CHECK_THROWS_WITH(desk.act(id, declare_run_lost), Catch::Contains("no worker has it"));
    desk.plan(id);
    desk.act(id, confirm_run);
    SECTION("nobody has it")
    {
        must(show(desk, desk.plane->now() + 3'600'000));
        CHECK(desk.waiting_for(id).find("slipway run release " + id) != std::string::npos);
        desk.advance(6min);
        CHECK_FALSE(desk.grant());
        desk.act(id, release_run);
        CHECK_FALSE(desk.stage(id, 1).core.held);
        CHECK(desk.grant());
        CHECK_THROWS_WITH(desk.act(id, release_run), Catch::Contains("not held"));
    }
    SECTION("a worker has it")
    {
        const auto apply = desk.grant();
        desk.begin(*apply, "apply");
        must(show(desk, desk.plane->now() + 3'600'000));
        CHECK_THROWS_WITH(desk.act(id, release_run), Catch::Contains("declare-lost"));
        desk.act(id, declare_run_lost);
        CHECK(desk.run(id).state == RunState::failed);
        CHECK(desk.stage(id, 1).cause == "declared lost");
    }
}
