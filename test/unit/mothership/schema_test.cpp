#include "mothership/store/schema.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <array>

using namespace slipway;
using namespace slipway::mothership::sqlite;
using namespace slipway::test;

namespace {

std::unique_ptr<Connection> open(const TempDir& directory)
{
    auto connection = Connection::open(directory.path() / "x.db", Connection::Access::make);
    REQUIRE(connection);
    return *std::move(connection);
}

std::int64_t number(Connection& connection, std::string_view sql)
{
    std::int64_t value = -1;
    const auto done = connection.each(sql, [&](Row& row) -> Result<void> {
        value = row.integer();
        return {};
    });
    REQUIRE(done);
    return value;
}

} // namespace

TEST_CASE("a new database is brought to the newest version, once")
{
    const TempDir directory;
    auto connection = open(directory);
    REQUIRE(migrate(*connection, migrations()));
    REQUIRE(migrate(*connection, migrations()));
    CHECK(number(*connection, "PRAGMA user_version") == migrations().back().version);
    CHECK(number(*connection, "SELECT count(*) FROM meta") == 1);
}

TEST_CASE("the versions have no gap")
{
    int expected = 1;
    for (const auto& step : migrations())
        CHECK(step.version == expected++);
}

TEST_CASE("an older database keeps its records when it is brought up")
{
    const TempDir directory;
    auto connection = open(directory);
    const std::array first{
        Migration{.version = 1, .sql = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (7);"}};
    const std::array both{
        first[0], Migration{.version = 2, .sql = "ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 5;"}};
    REQUIRE(migrate(*connection, first));
    REQUIRE(migrate(*connection, both));
    CHECK(number(*connection, "SELECT a * 10 + b FROM t") == 75);
}

TEST_CASE("a database of the first version is brought up with its pools")
{
    const TempDir directory;
    auto connection = open(directory);
    REQUIRE(migrate(*connection, migrations().first(1)));
    REQUIRE(connection->execute("INSERT INTO pools VALUES ('p', 'demo', '', 'k', 'c', 's', 1)"));
    REQUIRE(migrate(*connection, migrations()));
    CHECK(number(*connection, "SELECT count(*) FROM pools WHERE id = 'p' AND public_key = ''") == 1);
    CHECK(number(*connection, "SELECT count(*) FROM stack_files") == 0);
}

TEST_CASE("a step that fails leaves nothing of itself")
{
    const TempDir directory;
    auto connection = open(directory);
    const std::array broken{
        Migration{.version = 1, .sql = "CREATE TABLE t (a INTEGER); SELECT * FROM nowhere;"}};
    const auto done = migrate(*connection, broken);
    REQUIRE_FALSE(done);
    CHECK(done.error().message().find("version 1") != std::string::npos);
    CHECK(number(*connection, "PRAGMA user_version") == 0);
    CHECK(number(*connection, "SELECT count(*) FROM sqlite_master") == 0);
}

TEST_CASE("a database of a newer program is refused and left alone")
{
    const TempDir directory;
    auto connection = open(directory);
    REQUIRE(connection->execute("PRAGMA user_version = 99"));
    const auto done = migrate(*connection, migrations());
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::rejected);
    CHECK(done.error().message().find("99") != std::string::npos);
    CHECK(number(*connection, "SELECT count(*) FROM sqlite_master") == 0);
}

TEST_CASE("the store is durable and checks its references")
{
    const TempDir directory;
    auto connection = open(directory);
    REQUIRE(migrate(*connection, migrations()));
    CHECK(number(*connection, "PRAGMA synchronous") == 2);
    CHECK(number(*connection, "PRAGMA foreign_keys") == 1);
    const auto orphan = connection->run("INSERT INTO sources (stack_id, version, file, size, sha256, "
                                        "uploaded_ms) VALUES ('x', 1, '', 0, '', 0)");
    REQUIRE_FALSE(orphan);
    CHECK(orphan.error().code() == Errc::internal);
}
