#include "common/file.h"
#include "common/random.h"
#include "common/ulid.h"
#include "launcher/journaled_stage.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using protocol::WorkerPhase;
using protocol::WorkerStage;

namespace {

struct Fixture {
    TempDir directory;
    ManualClock clock;
    SystemRandom random;

    Result<Journal> open() { return Journal::open(directory.path(), clock, random); }

    protocol::Assignment assignment()
    {
        protocol::Assignment a;
        a.stage_id = make_ulid(clock, random);
        a.run_id = make_ulid(clock, random);
        a.pool_id = make_ulid(clock, random);
        a.stack_id = "web";
        a.stage_name = "plan";
        a.run_type = "TRACKED";
        a.fence = {1, 7};
        a.phases = {{.name = "plan", .before = {}, .commands = {"echo hi"}, .after = {}}};
        return a;
    }
};

mode_t mode_of(const std::filesystem::path& path)
{
    struct stat info { };

    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777;
}

} // namespace

TEST_CASE("a journal gives back every fact that was written")
{
    Fixture f;
    auto journal = f.open();
    REQUIRE(journal);
    const auto a = f.assignment();
    const WorkerStage stage{.kind = protocol::StageKind::write,
        .fence = {2, 9},
        .phase = WorkerPhase::running,
        .lease_until = 123,
        .frame_until = 99,
        .outcome = protocol::Outcome::failed,
        .log_end = 10,
        .log_acked = 4,
        .may_be_started = true};
    REQUIRE(journal->create(a, stage));
    const auto entries = journal->entries();
    REQUIRE(entries);
    REQUIRE(entries->size() == 1);
    const auto& entry = entries->front();
    CHECK(*entry.stage().value_or(std::nullopt) == stage);
    CHECK(entry.assignment().value_or(std::nullopt)->phases.at(0).commands.at(0) == "echo hi");
    CHECK_FALSE(entry.progress().value_or(Progress{}));

    const StageEnd end{.outcome = protocol::Outcome::failed,
        .exit_code = 7,
        .cause = "exit",
        .message = "a \"b\"\n",
        .workspace = "w"};
    const Progress progress{.seq = 3, .began = 44, .end = end, .over = true};
    REQUIRE(entry.write(progress));
    REQUIRE(entry.write(end));
    REQUIRE(entry.write(SlotFact{.record = "{}", .container = "c", .image_id = "i"}));
    CHECK(*entry.progress().value_or(std::nullopt) == progress);
    CHECK(*entry.end().value_or(std::nullopt) == end);
    CHECK(entry.slot().value_or(std::nullopt)->container == "c");
    CHECK(entry.next_sequence().value_or(0) == 1);
    CHECK(entry.next_sequence().value_or(0) == 2);
    REQUIRE(entry.sync());
    REQUIRE(entry.remove());
    CHECK(journal->entries().value_or(std::vector<JobEntry>(1, entry)).empty());
}

TEST_CASE("a fact that is empty or torn reads as absent")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
    REQUIRE(entry);
    REQUIRE(entry->write(Progress{.seq = 2}));
    const auto content = GENERATE(as<std::string>{}, "", "{", "{\"seq\":2", std::string(40, '\0'));
    REQUIRE(replace_file(entry->directory() / "phase", content));
    REQUIRE(entry->progress());
    CHECK_FALSE(*entry->progress());
}

TEST_CASE("a fact that another version wrote is an error that names its file, and is not dropped")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
    REQUIRE(entry);
    const std::string fact = GENERATE("state", "phase", "report", "slot", "assignment");
    const std::string content = GENERATE("null", "{\"seq\":\"x\"}", "{\"phase\":\"paused\"}");
    REQUIRE(replace_file(entry->directory() / fact, content));
    const auto entries = journal->entries();
    REQUIRE_FALSE(entries);
    CHECK(entries.error().message().find("/" + fact + ": $") != std::string::npos);
    CHECK(std::filesystem::exists(entry->directory() / "state"));
}

TEST_CASE("a phase or kind of stage that is unknown is an error")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
    REQUIRE(entry);
    std::string state = read_file(entry->directory() / "state", 4096).value_or("");
    const std::string known = GENERATE("\"offered\"", "\"read\"", "\"none\"");
    REQUIRE(state.find(known) != std::string::npos);
    state.replace(state.find(known), known.size(), "\"new\"");
    REQUIRE(replace_file(entry->directory() / "state", state));
    CHECK_FALSE(entry->stage());
    CHECK_FALSE(journal->entries());
    CHECK(std::filesystem::exists(entry->directory() / "state"));
}

TEST_CASE("a stage whose state cannot be read is an error, and nothing of it is removed")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
    REQUIRE(entry);
    REQUIRE(remove_tree(entry->directory() / "state"));
    REQUIRE(make_directories(entry->directory() / "state")); // reading it fails, even for root
    CHECK_FALSE(journal->entries());
    CHECK(std::filesystem::exists(entry->directory() / "assignment"));
}

TEST_CASE("what a crash leaves of a stage that never counted is removed")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
    REQUIRE(entry);
    REQUIRE(replace_file(entry->directory() / "state", ""));
    CHECK(journal->entries().value_or(std::vector<JobEntry>(1, *entry)).empty());
    CHECK_FALSE(std::filesystem::exists(entry->directory()));
}

TEST_CASE("times that were written before the last boot of the host count no more")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry
        = journal->create(f.assignment(), {.fence = {1, 1}, .lease_until = 5000, .frame_until = 4000});
    REQUIRE(entry);
    const JobEntry later{entry->directory(), entry->stage_id(), "another-boot", {}};
    CHECK(later.stage().value_or(std::nullopt)->lease_until == 0);
    CHECK(later.stage().value_or(std::nullopt)->frame_until == 0);
}

TEST_CASE("one process at a time uses a state directory, and the refusal names its pid")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto second = f.open();
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == Errc::conflict);
    CHECK(second.error().message().find(std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().message().find(f.directory.path().string()) != std::string::npos);
}

TEST_CASE("an instance keeps its id and the served time over restarts, and nothing is readable for others")
{
    Fixture f;
    std::string id;
    {
        const auto journal = f.open();
        REQUIRE(journal);
        id = journal->instance_id();
        REQUIRE(journal->write_seen({.server_id = "S", .served = 77, .mark = "m"}));
        const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
        REQUIRE(entry);
        CHECK(mode_of(f.directory.path()) == 0700);
        CHECK(mode_of(entry->directory()) == 0700);
        CHECK(mode_of(entry->directory() / "assignment") == 0600);
    }
    const auto journal = f.open();
    REQUIRE(journal);
    CHECK(is_ulid(id));
    CHECK(journal->instance_id() == id);
    CHECK(journal->seen() == SeenTime{.server_id = "S", .served = 77, .mark = "m"});
    REQUIRE(replace_file(f.directory.path() / "seen", "{"));
    CHECK(journal->seen() == SeenTime{});
}

TEST_CASE("a state is in the journal before it is acted upon")
{
    Fixture f;
    const auto journal = f.open();
    REQUIRE(journal);
    const auto entry = journal->create(f.assignment(), {.fence = {1, 1}});
    REQUIRE(entry);
    JournaledStage stage{*entry, {.fence = {1, 1}}, f.clock};
    REQUIRE(stage.apply(protocol::worker::AcceptAnswered{.sent_at = 1000, .lease = 500}));
    CHECK(stage.state().phase == WorkerPhase::accepted);
    CHECK(entry->stage().value_or(std::nullopt)->phase == WorkerPhase::accepted);

    // Where it cannot be written, it has not happened.
    REQUIRE(remove_tree(entry->directory()));
    CHECK_FALSE(stage.apply(protocol::worker::Prepared{}));
    CHECK(stage.state().phase == WorkerPhase::accepted);
}
