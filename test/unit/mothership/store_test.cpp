#include "mothership/data_directory.h"
#include "mothership/store/checkpointer.h"
#include "mothership/store/sqlite.h"
#include "mothership/store/sqlite_store.h"
#include "test/unit/mothership/control_desk.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using protocol::Fence;

namespace {

/// The records of a started run, below the rules.
struct Shelf {
    ControlDesk desk;
    std::string run = desk.start_run();
    Stage stage = desk.grant().value();
};

std::string read_log(ControlDesk& desk, const Stage& stage, std::uint64_t offset, std::size_t max)
{
    return must(desk.plane->look(
        [&](Transaction& records) { return records.read_log(stage.id, stage.core.fence, offset, max); }));
}

/// A database of its own, whose log is copied as `settings` say.
struct LoggedDatabase {
    explicit LoggedDatabase(sqlite::CheckpointSettings wanted)
        : settings{wanted}
    {
        must(writer->execute("CREATE TABLE t (a TEXT)"));
    }

    /// So many commits, each of which makes the log about three pages longer.
    void add_rows(int count) const
    {
        for (int i = 0; i < count; ++i)
            must(writer->run("INSERT INTO t VALUES (?)", std::string(3'000, 'x')));
    }

    [[nodiscard]] std::uintmax_t size() const { return std::filesystem::file_size(path); }

    TempDir directory;
    std::filesystem::path path = directory.path() / "logged.db";
    sqlite::CheckpointSettings settings;
    std::unique_ptr<sqlite::Connection> writer
        = must(sqlite::Connection::open(path, sqlite::Connection::Access::make));
    std::unique_ptr<sqlite::Checkpointer> checkpointer
        = must(sqlite::Checkpointer::start(path, *writer, settings));
};

} // namespace

TEST_CASE("whoever commits leaves the log to the background until it is far too long")
{
    const LoggedDatabase database{{.wanted = 10, .most = 2'000, .rest = std::chrono::hours{1}}};
    const auto before = database.size();
    database.add_rows(500);
    CHECK(database.size() == before);
    database.add_rows(600);
    CHECK(database.size() > 500UL * 3'000);
}

TEST_CASE("the log is copied in the background when commits pause")
{
    const LoggedDatabase database{{.wanted = 500, .most = 1'000'000, .rest = std::chrono::milliseconds{0}}};
    database.add_rows(600);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (database.size() < 600UL * 3'000 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    CHECK(database.size() >= 600UL * 3'000);
}

TEST_CASE("the log's file is used again, however close commits follow one another")
{
    const LoggedDatabase database{{.wanted = 300, .most = 600, .rest = std::chrono::milliseconds{0}}};
    database.add_rows(1'500);
    CHECK(std::filesystem::file_size(database.path.string() + "-wal") < 1'800UL * 4'096);
}

TEST_CASE("a transaction that fails leaves nothing")
{
    ControlDesk desk;
    const auto done = desk.store->write([&](Transaction& records) -> Result<void> {
        SLIPWAY_TRY(records.add_api_key({.id = "k", .name = "n", .hash = "h", .created_ms = 1}));
        return Error{Errc::internal, "afterwards"};
    });
    REQUIRE_FALSE(done);
    CHECK_FALSE(must(desk.plane->look([](Transaction& records) { return records.api_key("k"); })));
}

TEST_CASE("a decision that throws leaves nothing, and the next one is made")
{
    ControlDesk desk;
    const auto add = [](Transaction& records) {
        return records.add_api_key({.id = "k", .name = "n", .hash = "h", .created_ms = 1});
    };
    CHECK_THROWS_AS(desk.store->write([&](Transaction& records) -> Result<void> {
        must(add(records));
        throw std::runtime_error{"a bug"};
    }),
        std::runtime_error);
    CHECK_THROWS_AS(desk.store->read([](Transaction&) -> Result<void> { throw std::runtime_error{"a bug"}; }),
        std::runtime_error);
    CHECK_FALSE(must(desk.plane->look([](Transaction& records) { return records.api_key("k"); })));
    CHECK(desk.store->write(add));
}

TEST_CASE("a failure of the store is the server's, whatever it was")
{
    ControlDesk desk;
    const auto add = [](Transaction& records) {
        return records.add_api_key({.id = "k", .name = "n", .hash = "h", .created_ms = 1});
    };
    REQUIRE(desk.store->write(add));
    const auto twice = desk.store->write(add);
    REQUIRE_FALSE(twice);
    CHECK(twice.error().code() == Errc::internal);

    auto database
        = must(sqlite::Connection::open(desk.directory.path() / "full.db", sqlite::Connection::Access::make));
    must(database->execute("CREATE TABLE t (a TEXT); PRAGMA max_page_count = 4"));
    const auto full = database->run("INSERT INTO t VALUES (?)", std::string(100'000, 'x'));
    REQUIRE_FALSE(full);
    CHECK(full.error().code() == Errc::internal);
    CHECK(full.error().message().find("full") != std::string::npos);
}

TEST_CASE("a stage whose run cannot be read does not keep the leases of others")
{
    ControlDesk desk;
    const auto broken = desk.start_run(RunType::proposed);
    desk.accept(desk.grant().value());
    const auto good = desk.start_run(RunType::proposed);
    desk.accept(desk.grant().value());
    const auto path = desk.directory.path() / "slipway.db";
    auto beside = must(sqlite::Connection::open(path, sqlite::Connection::Access::write));
    must(beside->run("UPDATE runs SET spec = '{' WHERE id = ?", broken));
    desk.advance(std::chrono::minutes{7});
    CHECK(desk.stage(good).core.phase == protocol::ServerPhase::waiting);
    CHECK(desk.stage(broken).core.phase == protocol::ServerPhase::accepted);
    const auto shown = desk.plane->look([&](Transaction& records) { return records.run(broken); });
    REQUIRE_FALSE(shown);
    CHECK(shown.error().code() == Errc::internal);
}

TEST_CASE("a stage that somebody else changed is not overwritten: the decision is made anew")
{
    Shelf shelf;
    int calls = 0;
    const auto done = shelf.desk.store->write([&](Transaction& records) -> Result<void> {
        auto stage = *must(records.stage(shelf.stage.id));
        if (++calls == 1)
            stage.revision -= 1; // as if it had been read before another write
        stage.message = "call " + std::to_string(calls);
        return records.update_stage(stage);
    });
    REQUIRE(done);
    CHECK(calls == 2);
    CHECK(shelf.desk.stage(shelf.run).message == "call 2");
}

TEST_CASE("a decision that always loses gives up and leaves nothing")
{
    Shelf shelf;
    int calls = 0;
    const auto done = shelf.desk.store->write([&](Transaction& records) -> Result<void> {
        ++calls;
        auto stage = *must(records.stage(shelf.stage.id));
        stage.revision = 0;
        stage.message = "lost";
        (void)records.update_stage(stage); // a caller that overlooks the failure must not commit either
        return {};
    });
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::conflict);
    CHECK(calls == 5);
    CHECK(shelf.desk.stage(shelf.run).message.empty());
}

TEST_CASE("a run that changed since it was read is not overwritten")
{
    Shelf shelf;
    const auto run = shelf.desk.run(shelf.run);
    int calls = 0;
    REQUIRE(shelf.desk.store->write([&](Transaction& records) -> Result<void> {
        auto copy = ++calls == 1 ? run : *must(records.run(shelf.run));
        if (calls == 1)
            copy.version -= 1;
        return records.update_run(copy);
    }));
    CHECK(calls == 2);
    CHECK(shelf.desk.run(shelf.run).version == run.version + 1);
}

TEST_CASE("a view cannot write")
{
    ControlDesk desk;
    const auto done = desk.store->read([](Transaction& records) {
        return records.add_api_key({.id = "k", .name = "n", .hash = "h", .created_ms = 1});
    });
    CHECK_FALSE(done);
}

TEST_CASE("a log is read back from any offset, across its chunks")
{
    Shelf shelf;
    std::string whole;
    must(shelf.desk.plane->change_records([&](Work& work) -> Result<void> {
        for (int i = 0; i < 20; ++i) {
            const std::string chunk(static_cast<std::size_t>(i % 7 + 1), static_cast<char>('a' + i));
            SLIPWAY_TRY(work.records.append_log(shelf.stage.id, shelf.stage.core.fence, whole.size(), chunk));
            whole += chunk;
        }
        return {};
    }));
    for (std::size_t offset = 0; offset <= whole.size(); ++offset)
        for (const std::size_t max : {std::size_t{1}, std::size_t{5}, whole.size()})
            REQUIRE(read_log(shelf.desk, shelf.stage, offset, max) == whole.substr(offset, max));
}

TEST_CASE("log bytes are kept as they are, NUL and broken UTF-8 included")
{
    Shelf shelf;
    const std::string bytes{"a\0b\xFF\xC3\r\n", 7};
    must(shelf.desk.plane->change_records([&](Work& work) {
        return work.records.append_log(shelf.stage.id, shelf.stage.core.fence, 0, bytes);
    }));
    CHECK(read_log(shelf.desk, shelf.stage, 0, 100) == bytes);
}

TEST_CASE("records are there after the store was closed and opened again")
{
    Shelf shelf;
    const auto before = shelf.desk.stage(shelf.run);
    shelf.desk.restart();
    const auto after = shelf.desk.stage(shelf.run);
    CHECK(after.core == before.core);
    CHECK(after.revision == before.revision);
    CHECK(shelf.desk.run(shelf.run).spec.phases == shelf.desk.stack.spec.phases);
}

TEST_CASE("a data directory is used by one process at a time")
{
    const TempDir directory;
    const ManualClock clock;
    const DataDirectory data{directory.path()};
    LogSink sink{-1, LogFormat::logfmt, LogLevel::error, clock};
    const Logger logger{sink};
    auto first = DirectoryLock::take(data, clock, logger, std::chrono::seconds{10}, {});
    REQUIRE(first);
    const auto second = DirectoryLock::take(data, clock, logger, std::chrono::seconds{10}, {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == Errc::conflict);
    CHECK(second.error().message().find("process " + std::to_string(::getpid())) != std::string::npos);
    CHECK(clock.slept() >= std::chrono::seconds{10});
    {
        const auto released = *std::move(first);
    }
    CHECK(DirectoryLock::take(data, clock, logger, std::chrono::seconds{10}, {}));
}
