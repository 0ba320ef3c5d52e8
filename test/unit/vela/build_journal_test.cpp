#include "common/file.h"
#include "launcher/vela/build_journal.h"
#include "launcher/vela/journal_records.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace slipway;
using namespace slipway::vela;

namespace {

constexpr std::size_t kMost = 1 << 20;

BuildJournal open(const std::filesystem::path& directory)
{
    auto journal = BuildJournal::open(directory);
    INFO((journal ? "" : journal.error().message()));
    REQUIRE(journal);
    return *std::move(journal);
}

} // namespace

TEST_CASE("a build's journal holds the newest value of each name over a restart", "[vela]")
{
    const test::TempDir parent;
    const auto directory = parent.path() / "17";
    {
        auto journal = open(directory);
        CHECK_FALSE(journal.find("pipeline"));
        REQUIRE(journal.put("pipeline", std::string{"a\0b\n", 4}));
        REQUIRE(journal.put("step.1", ""));
        REQUIRE(journal.put("pipeline", "new"));
        CHECK(journal.find("pipeline") == "new");
    }

    struct stat info { };

    REQUIRE(::stat((directory / "journal").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0600);
    REQUIRE(BuildJournal::list(parent.path()));
    CHECK(*BuildJournal::list(parent.path()) == std::vector{directory});

    auto journal = open(directory);
    CHECK(journal.find("pipeline") == "new");
    CHECK(journal.find("step.1") == "");
    CHECK_FALSE(journal.find("step"));
    REQUIRE(journal.remove());
    CHECK_FALSE(std::filesystem::exists(directory));
    CHECK(BuildJournal::list(parent.path())->empty());
    CHECK(BuildJournal::list(parent.path() / "none")->empty());
}

TEST_CASE("a build's journal that is cut anywhere keeps every whole record and goes on", "[vela]")
{
    const test::TempDir parent;
    {
        auto journal = open(parent.path() / "whole");
        REQUIRE(journal.put("one", "1"));
        REQUIRE(journal.put("two", "22"));
    }
    const auto whole = read_file(parent.path() / "whole" / "journal", kMost);
    REQUIRE(whole);
    const auto first = make_record("one", "1");
    REQUIRE(first);
    for (std::size_t cut = 0; cut < whole->size(); ++cut) {
        const auto directory = parent.path() / std::to_string(cut);
        std::filesystem::create_directory(directory);
        REQUIRE(replace_file(directory / "journal", whole->substr(0, cut)));
        {
            auto journal = open(directory);
            CHECK(journal.find("one").has_value() == (cut >= first->size()));
            CHECK_FALSE(journal.find("two"));
            REQUIRE(journal.put("three", "333"));
        }
        auto again = open(directory);
        CHECK(again.find("three") == "333");
        CHECK(again.find("one").has_value() == (cut >= first->size()));
    }
}

TEST_CASE("a build's journal takes no record with another byte", "[vela]")
{
    const auto record = make_record("name", "value");
    REQUIRE(record);
    int taken = 0;
    const auto take = [&](std::string_view, std::string_view) { ++taken; };
    CHECK(read_records(*record, take) == record->size());
    CHECK(taken == 1);
    for (std::size_t i = 0; i < record->size(); ++i) {
        std::string other = *record;
        other[i] = static_cast<char>(other[i] ^ 1);
        CHECK(read_records(other, take) == 0);
    }
    CHECK(taken == 1);
}

TEST_CASE("a build's journal refuses what is over its caps", "[vela]")
{
    const test::TempDir parent;
    auto journal = open(parent.path());
    const auto nameless = journal.put("", "x");
    REQUIRE_FALSE(nameless);
    CHECK(nameless.error().code() == Errc::invalid_input);
    const auto named = journal.put(std::string(kMaxRecordName + 1, 'n'), "x");
    REQUIRE_FALSE(named);
    CHECK(named.error().code() == Errc::exhausted);
    REQUIRE(journal.put(std::string(kMaxRecordName, 'n'), "x"));
}
