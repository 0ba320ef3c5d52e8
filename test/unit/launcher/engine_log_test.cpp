#include "common/file.h"
#include "common/ulid.h"
#include "launcher/log_uploader.h"
#include "test/support/fake_backend.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <thread>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

std::string whole(const Spool& spool)
{
    std::string text;
    REQUIRE(spool.read(0, 1U << 20U, text));
    return text;
}

Spool opened(const TempDir& directory, std::uint64_t quota = 0)
{
    auto spool = Spool::open(directory.path(), quota);
    REQUIRE(spool);
    return *std::move(spool);
}

/// Doubles every 'x' and holds back a trailing 'h' until it knows what follows.
class OddFilter final : public StreamFilter {
public:
    void push(std::string_view bytes, std::string& out) override
    {
        for (const char c : bytes) {
            if (held_)
                out += c == '!' ? "H" : "h";
            held_ = c == 'h';
            if (c == 'x')
                out += "xx";
            else if (!held_)
                out += c;
        }
    }

    void finish(std::string& out) override
    {
        if (held_)
            out += "h";
    }

    [[nodiscard]] std::string text(std::string_view text) const override { return std::string{text}; }

private:
    bool held_ = false;
};

FilterMaker odd()
{
    return [] { return std::make_unique<OddFilter>(); };
}

} // namespace

TEST_CASE("a spool that is opened again has what was complete, and knows what the slot may forget")
{
    const TempDir directory;
    {
        Spool spool = opened(directory);
        REQUIRE(spool.append_line("own\n"));
        REQUIRE(spool.append_output("abc"));
        REQUIRE(spool.append_once(7, "once\n"));
        REQUIRE(spool.append_output("de"));
    }
    const auto torn = GENERATE(as<std::string>{}, "", "bytes without a segment", "and a torn segment");
    {
        const auto fd = open_file(directory.path() / "spool", O_WRONLY | O_APPEND);
        REQUIRE(fd);
        REQUIRE(write_all(fd->get(), torn));
        const auto segments = open_file(directory.path() / "segments", O_WRONLY | O_APPEND);
        REQUIRE(segments);
        REQUIRE(write_all(segments->get(), torn.substr(0, torn.size() % 16)));
    }
    Spool spool = opened(directory);
    CHECK(whole(spool) == "own\nabconce\nde");
    CHECK(spool.slot_end() == 5);
    CHECK(spool.has(7));
    REQUIRE(spool.append_once(7, "twice\n"));
    REQUIRE(spool.append_output("f"));
    CHECK(whole(spool) == "own\nabconce\ndef");
}

TEST_CASE("a spool whose bytes a crash of the host cut off ends with its last byte or whole own line")
{
    const TempDir directory;
    {
        Spool spool = opened(directory);
        REQUIRE(spool.append_output("first"));
        REQUIRE(spool.append_output("second"));
        REQUIRE(spool.append_once(3, "third"));
    }
    const bool in_line = GENERATE(false, true);
    REQUIRE(::truncate((directory.path() / "spool").c_str(), in_line ? 14 : 8) == 0);
    for (int opening = 0; opening < 2; ++opening) {
        const Spool spool = opened(directory);
        CHECK(whole(spool) == (in_line ? "firstsecond" : "firstsec"));
        CHECK(spool.slot_end() == (in_line ? 11 : 8));
        CHECK_FALSE(spool.has(3));
    }
}

TEST_CASE("output that comes byte by byte, kept or dropped, takes one record")
{
    const TempDir directory;
    {
        Spool spool = opened(directory, 300);
        for (int i = 0; i < 1000; ++i)
            REQUIRE(spool.append_output("x"));
        CHECK(std::filesystem::file_size(directory.path() / "segments") == 2 * 16);
    }
    Spool spool = opened(directory, 300);
    CHECK(whole(spool) == std::string(300, 'x'));
    CHECK(spool.slot_end() == 1000);
    CHECK(spool.dropped() == 700);
    REQUIRE(spool.append_output("y"));
    CHECK(std::filesystem::file_size(directory.path() / "segments") == 2 * 16);
    CHECK(spool.dropped() == 701);
}

TEST_CASE("a launcher that dies between the two writes of an append has not appended")
{
    const TempDir directory;
    {
        Spool spool = opened(directory);
        REQUIRE(spool.append_output("abc"));
    }
    std::string segments;
    {
        auto spool = Spool::open(directory.path(), 0, [&](std::string_view) {
            segments = read_file(directory.path() / "segments", 1000).value_or("");
        });
        REQUIRE(spool);
        REQUIRE(spool->append_output("de"));
    }
    REQUIRE(replace_file(directory.path() / "segments", segments)); // as it was in between
    Spool spool = opened(directory);
    CHECK(whole(spool) == "abc");
    REQUIRE(spool.append_output("de"));
    CHECK(whole(spool) == "abcde");
}

TEST_CASE("what the slot has lost counts for the slot, and a hole for the log")
{
    const TempDir directory;
    {
        Spool spool = opened(directory);
        REQUIRE(spool.append_output("ab"));
        REQUIRE(spool.append_gap(100));
        REQUIRE(spool.append_output("cd"));
        REQUIRE(spool.append_hole(3));
    }
    const Spool spool = opened(directory);
    CHECK(spool.slot_end() == 104);
    CHECK(whole(spool) == std::string{"abcd\0\0\0", 7});
}

TEST_CASE("output above the quota is counted and dropped, and the slot may still forget it")
{
    const TempDir directory;
    {
        Spool spool = opened(directory, 4);
        REQUIRE(spool.append_output("abc"));
        REQUIRE(spool.append_output("defg"));
        REQUIRE(spool.append_output("hi"));
        REQUIRE(spool.append_line("!\n"));
    }
    const Spool spool = opened(directory, 4);
    CHECK(whole(spool) == "abcd!\n");
    CHECK(spool.slot_end() == 9);
    CHECK(spool.dropped() == 5);
}

TEST_CASE("a filtered log is the same from every offset and however it is read")
{
    const TempDir directory;
    Spool spool = opened(directory);
    for (const auto* piece : {"ax", "bh", "!cx", "h", "dh"})
        REQUIRE(spool.append_output(piece));
    const std::string full = "axxbH!cxxhdh"; // "h!" gives "H!", however it was cut
    FilteredLog log{spool, odd()};
    const auto begin = log.read(0, 100, false);
    REQUIRE(begin);
    CHECK(*begin == full.substr(0, full.size() - 1)); // the last h is held back
    for (std::size_t offset = full.size(); offset-- > 0;) {
        const auto part = log.read(offset, 3, true);
        REQUIRE(part);
        CHECK(*part == full.substr(offset, 3));
    }
    CHECK(FilteredLog::length(spool, odd()).value_or(0) == full.size());
}

namespace {

/// A stage that has been accepted by a fake backend, with its spool and uploader.
struct Upload {
    TempDir directory;
    SystemClock clock;
    SystemRandom random;
    FakeBackend backend{directory.path() / "backend", clock};
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    Result<Journal> journal{Journal::open(directory.path() / "state", clock, random)};
    std::string id{make_ulid(clock, random)};
    std::optional<JournaledStage> stage;
    std::optional<Spool> spool;
    Tally tally;
    std::optional<LogUploader> uploader;
    std::atomic<int> lost_sessions{0};
    std::jthread thread;

    explicit Upload(FilterMaker filter = [] { return std::make_unique<IdentityFilter>(); })
    {
        REQUIRE(journal);
        protocol::Assignment a;
        a.stage_id = id;
        a.run_id = a.pool_id = make_ulid(clock, random);
        a.fence = {1, 1};
        a.run_type = "TRACKED";
        backend.add(a);
        protocol::PollRequest poll{.held = {}, .free_places = 1, .draining = false, .wait = 0, .seen_ms = 0};
        REQUIRE(backend.poll(poll, {}));
        REQUIRE(backend.accept({id, {1, 1}}, 1000, {}));
        const protocol::WorkerStage state{.fence = {1, 1}, .phase = protocol::WorkerPhase::running};
        auto entry = journal->create(a, state);
        REQUIRE(entry);
        stage.emplace(*entry, state, clock);
        auto opened_spool = Spool::open(entry->directory(), 0);
        REQUIRE(opened_spool);
        spool.emplace(*std::move(opened_spool));
        uploader.emplace(UploadParts{.backend = backend,
            .stage = *stage,
            .spool = *spool,
            .filter = std::move(filter),
            .copy = RunLogCopy{nullptr, "", ""},
            .clock = clock,
            .random = random,
            .logger = Logger{sink},
            .on_change = [] {},
            .on_session_lost = [this] { ++lost_sessions; },
            .tally = tally});
        thread = std::jthread{[this](std::stop_token stop) { uploader->run(std::move(stop)); }};
    }

    bool wait_log(const std::string& expected)
    {
        return backend.wait_until([&] { return backend.log(id) == expected; }, 10s);
    }
};

} // namespace

TEST_CASE("an uploader delivers what comes, and what a filter held back at the end")
{
    Upload u{odd()};
    REQUIRE(u.spool->append_output("one h"));
    CHECK(u.wait_log("one "));
    u.uploader->complete();
    CHECK(u.wait_log("one h"));
    CHECK(u.backend.wait_until([&] { return u.stage->state().log_acked == 5; }, 10s));
}

TEST_CASE("an uploader brings every byte once through failures, lost answers and a server that went back")
{
    Upload u;
    std::string expected;
    const auto write = [&](int lines) {
        for (int i = 0; i < lines; ++i) {
            const std::string line = "line " + std::to_string(expected.size()) + "\n";
            REQUIRE(u.spool->append_output(line));
            expected += line;
        }
    };
    write(100);
    CHECK(u.wait_log(expected));
    u.backend.lose_answers(2);
    write(10);
    CHECK(u.wait_log(expected));
    u.backend.fail_next(2, Errc::unreachable);
    write(10);
    CHECK(u.wait_log(expected));
    u.backend.fail_next(1, Errc::rejected);
    write(10);
    CHECK(u.wait_log(expected));
    CHECK(u.lost_sessions == 1);
    u.backend.rewind_log(u.id, 55);
    write(10);
    CHECK(u.wait_log(expected));
}

TEST_CASE("an uploader ends when the grant is gone")
{
    Upload u;
    u.backend.declare_lost(u.id);
    REQUIRE(u.spool->append_output("x"));
    CHECK(u.backend.wait_until([&] { return u.stage->state().phase == protocol::WorkerPhase::gone; }, 10s));
    u.thread.join();
    CHECK(u.backend.log(u.id).empty());
}
