#include "common/json.h"
#include "launcher/run_logs.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <csignal>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;

    Pipe()
    {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        reader = UniqueFd{ends[0]};
        writer = UniqueFd{ends[1]};
    }

    /// Until the other end is closed.
    std::string rest() const
    {
        std::string text;
        std::string piece(65536, '\0');
        for (ssize_t count = 0; (count = ::read(reader.get(), piece.data(), piece.size())) > 0;)
            text.append(piece, 0, static_cast<std::size_t>(count));
        return text;
    }
};

std::vector<std::string> messages(const std::string& text)
{
    std::vector<std::string> list;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        REQUIRE(end != std::string::npos);
        const auto document = JsonDocument::parse(text.substr(at, end - at));
        REQUIRE(document);
        CHECK(document->root().string("run_ulid").value_or("") == "R");
        CHECK(document->root().string("stack_id").value_or("") == "web");
        CHECK(document->root().string("ts").value_or("").ends_with("Z"));
        list.push_back(document->root().string("msg").value_or(""));
        at = end + 1;
    }
    return list;
}

struct Fixture {
    Pipe pipe;
    TempDir directory;
    SystemClock clock;
    UniqueFd log_file = open_log(directory.path() / "log");
    LogSink sink{log_file.get(), LogFormat::logfmt, LogLevel::info, clock};
    std::optional<RunLogs> logs{std::in_place, pipe.writer.get(), clock, Logger{sink}};
    RunLogCopy copy{&*logs, "R", "web"};

    std::vector<std::string> end()
    {
        logs.reset();
        pipe.writer.reset();
        return messages(pipe.rest());
    }
};

} // namespace

TEST_CASE("a copy of a run's log has each of its lines once, whatever is delivered again")
{
    Fixture f;
    f.copy.take(100, "end of one\ntw"); // an earlier launcher had the rest
    f.copy.take(100, "end of one\ntwo\r\n");
    f.copy.take(105, "one\ntwo");
    f.copy.take(116, "\n\xff\n\nlast");
    f.copy.finish();
    f.copy.finish();
    CHECK(f.end() == std::vector<std::string>{"end of one", "two", "", "\xef\xbf\xbd", "", "last"});
}

TEST_CASE("a long line of a copy is cut")
{
    Fixture f;
    f.copy.take(0, std::string(RunLogCopy::kLongestLine, 'a') + "b\n");
    CHECK(f.end() == std::vector<std::string>{std::string(RunLogCopy::kLongestLine, 'a'), "b"});
}

TEST_CASE(
    "a reader of run logs that is slow holds up nothing: lines are dropped, and counted where they were")
{
    Fixture f;
    const std::string line = std::string(1000, 'x') + "\n";
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < 2 * RunLogs::kQueue / line.size(); ++i, offset += line.size())
        f.copy.take(offset, line);
    const auto own = read_file(f.directory.path() / "log", 65536).value_or("");
    CHECK(own.find("dropped") != std::string::npos);
    CHECK(std::count(own.begin(), own.end(), '\n') == 1);
    std::string begin;
    do { // until the writer has taken what waited: then there is room
        std::string piece(4096, '\0');
        const auto count = ::read(f.pipe.reader.get(), piece.data(), piece.size());
        REQUIRE(count > 0);
        begin.append(piece, 0, static_cast<std::size_t>(count));
    } while (f.logs->write("R", "web", line) != RunLogs::Took::line);
    f.copy.take(offset, "room again\n");
    std::thread reader{[&] { begin += f.pipe.rest(); }};
    f.logs.reset();
    f.pipe.writer.reset();
    reader.join();
    const auto all = messages(begin);
    REQUIRE(all.size() > 2);
    CHECK(all.back() == "room again");
    std::size_t kept = 0;
    std::size_t counted = 0;
    for (const auto& message : all) {
        kept += message == line.substr(0, 1000) ? 1 : 0;
        if (message.ends_with(" lines were dropped here, since standard output was not read fast enough"))
            counted += std::stoul(message.substr(10)); // after "[slipway] "
    }
    CHECK(counted > 0);
    CHECK(kept + counted == 2 * RunLogs::kQueue / line.size());
}

TEST_CASE("when nobody reads run logs any more, nothing waits and nothing breaks")
{
    (void)std::signal(SIGPIPE, SIG_IGN);
    Fixture f;
    f.pipe.reader.reset();
    for (std::uint64_t i = 0; i < 10'000; ++i)
        f.copy.take(i * 5, "line\n");
    f.logs.reset();
}
