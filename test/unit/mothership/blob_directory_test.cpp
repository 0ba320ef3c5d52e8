#include "common/file.h"
#include "mothership/blob_directory.h"
#include "mothership/store/sqlite_store.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using Orphans = BlobDirectory::Orphans;

namespace {

/// A blob directory whose clock stands `days` after the files in it were written.
struct Shelf {
    explicit Shelf(int days)
        : clock{std::chrono::system_clock::now() + std::chrono::hours{24 * days}}
    {
    }

    std::string store(std::string_view bytes)
    {
        auto writer = blobs.create();
        REQUIRE(writer);
        REQUIRE(writer->write(bytes));
        auto stored = writer->commit();
        REQUIRE(stored);
        return stored->name;
    }

    [[nodiscard]] std::size_t files() const
    {
        return static_cast<std::size_t>(std::distance(
            std::filesystem::directory_iterator{directory.path()}, std::filesystem::directory_iterator{}));
    }

    TempDir directory;
    ManualClock clock;
    SystemRandom random;
    BlobDirectory blobs{directory.path(), clock, random};
};

} // namespace

TEST_CASE("a file that no record names goes after a week, and only if the store is not a restored one")
{
    Shelf shelf{GENERATE(6, 8)};
    const bool old = shelf.clock.wall() > std::chrono::system_clock::now() + std::chrono::hours{7 * 24};
    const auto known = shelf.store("known");
    const auto orphan = shelf.store("orphan");
    CHECK(*shelf.blobs.sweep({known}, Orphans::keep) == 0);
    CHECK(*shelf.blobs.sweep({known}, Orphans::remove) == (old ? 1 : 0));
    CHECK(shelf.blobs.open(known));
    CHECK(shelf.blobs.open(orphan).has_value() == !old);
}

TEST_CASE("what a cut off upload left goes at once")
{
    Shelf shelf{0};
    REQUIRE(replace_file(shelf.directory.path() / ".01ARZ3NDEKTSV4RRFFQ69G5FAV.part", "half"));
    const auto whole = shelf.store("whole");
    CHECK(*shelf.blobs.sweep({}, Orphans::keep) == 1);
    CHECK(shelf.blobs.open(whole));
    CHECK(shelf.files() == 1);
}

TEST_CASE("a file that is lost or a directory that is gone is the server's failure")
{
    Shelf shelf{0};
    const auto name = shelf.store("bytes");
    REQUIRE(shelf.blobs.remove(name));
    const auto lost = shelf.blobs.open(name);
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code() == Errc::internal);
    const BlobDirectory nowhere{shelf.directory.path() / "gone", shelf.clock, shelf.random};
    const auto refused = nowhere.create();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::internal);
}

TEST_CASE("a database that is missing or empty is refused and not made")
{
    const TempDir directory;
    const auto path = directory.path() / "slipway.db";
    const bool empty = GENERATE(false, true);
    if (empty)
        REQUIRE(replace_file(path, ""));
    const auto store = open_sqlite_store(path);
    REQUIRE_FALSE(store);
    CHECK(store.error().code() == Errc::not_found);
    CHECK(store.error().message()
        == path.string() + (empty ? " is empty" : " is missing")
            + ": restore it from a backup, or make a new directory with slipway-mothership init");
    CHECK(std::filesystem::exists(path) == empty);
    REQUIRE(make_sqlite_store(path));
    CHECK(open_sqlite_store(path));
}
