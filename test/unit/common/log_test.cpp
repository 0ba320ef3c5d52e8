#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

using namespace slipway;

namespace {

constexpr auto kTime = "2026-01-02T00:00:00.000Z";

std::string line(std::string_view message, LogFields fields = {}, LogFormat format = LogFormat::logfmt)
{
    return format_log_line(format, kTime, LogLevel::info, message, {}, fields);
}

} // namespace

TEST_CASE("a line of logfmt quotes only what needs it")
{
    CHECK(line("started", {{"run", "7"}, {"text", "two words"}, {"empty", ""}})
        == "ts=2026-01-02T00:00:00.000Z level=info msg=started run=7 text=\"two words\" empty=\"\"\n");
    CHECK(line("a=b \"c\" \\") == "ts=2026-01-02T00:00:00.000Z level=info msg=\"a=b \\\"c\\\" \\\\\"\n");
    CHECK(line("gr\xC3\xBC\xC3\x9F") == "ts=2026-01-02T00:00:00.000Z level=info msg=gr\xC3\xBC\xC3\x9F\n");
}

TEST_CASE("no byte of a value can forge a line or reach a terminal")
{
    for (int byte = 0; byte < 256; ++byte) {
        const std::string value{'a', static_cast<char>(byte), 'z'};
        for (const auto format : {LogFormat::logfmt, LogFormat::json}) {
            const auto text = line(value, {{"k", value}}, format);
            CHECK(text.back() == '\n');
            CHECK(std::ranges::none_of(text.substr(0, text.size() - 1),
                [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
        }
    }
    CHECK(line("x\nts=0 level=error msg=forged")
        == "ts=2026-01-02T00:00:00.000Z level=info msg=\"x\\nts=0 level=error msg=forged\"\n");
    CHECK(line("\x1B[31m") == "ts=2026-01-02T00:00:00.000Z level=info msg=\"\\x1b[31m\"\n");
}

TEST_CASE("no character that a terminal obeys passes, nor a byte that is no UTF-8")
{
    const auto& [value, escaped, in_json] = GENERATE(table<std::string, std::string, std::string>({
        {"\xC2\x9B"
         "31m",
            R"(\xc2\x9b31m)", R"(\u009b31m)"}, // CSI in one character
        {"\xC2\x80", R"(\xc2\x80)", R"(\u0080)"},
        {"\xE2\x80\xA8", R"(\xe2\x80\xa8)", R"(\u2028)"},
        {"\xE2\x80\xAE", R"(\xe2\x80\xae)", R"(\u202e)"},
        {"\x9B", R"(\x9b)", "\xEF\xBF\xBD"},
        {"\xE2\x82", R"(\xe2\x82)", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    }));
    CHECK(line(value) == "ts=2026-01-02T00:00:00.000Z level=info msg=\"" + escaped + "\"\n");
    CHECK(line(value, {}, LogFormat::json)
        == R"({"ts":"2026-01-02T00:00:00.000Z","level":"info","msg":")" + in_json + "\"}\n");
    CHECK(line("\xC2\xA0\xF0\x9F\x9A\x80")
        == "ts=2026-01-02T00:00:00.000Z level=info msg=\xC2\xA0\xF0\x9F\x9A\x80\n");
}

TEST_CASE("a value over the cap is cut at a character and the cut is marked")
{
    const std::string value = std::string(kMaxLogValue - 1, 'x') + "\xC3\xBC" + "yz";
    const std::string cut = std::string(kMaxLogValue - 1, 'x') + " [4 bytes more]";
    for (const auto format : {LogFormat::logfmt, LogFormat::json}) {
        const auto text = line("m", {{"k", value}}, format);
        CHECK(text.find('"' + cut + '"') != std::string::npos);
        CHECK(text.size() < kMaxLogValue + 200);
    }
    const std::string whole(kMaxLogValue, 'x');
    CHECK(line("m", {{"k", whole}}).ends_with("k=" + whole + "\n"));
}

TEST_CASE("long lines of threads arrive whole through a pipe that does not block")
{
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    const UniqueFd reader{ends[0]};
    UniqueFd writer{ends[1]};
    REQUIRE(::fcntl(reader.get(), F_SETFL, 0) == 0);
    const test::ManualClock clock;
    LogSink sink{writer.get(), LogFormat::logfmt, LogLevel::info, clock};
    constexpr int lines = 50;
    std::vector<std::jthread> threads;
    for (const char letter : {'a', 'b', 'c'})
        threads.emplace_back([&sink, letter] {
            const std::string value(7000, letter);
            for (int i = 0; i < lines; ++i)
                Logger{sink}.info("m", {{"k", value}});
        });
    std::jthread closer{[&] {
        threads.clear();
        writer.reset();
    }};
    std::string all;
    std::array<char, 65536> buffer{};
    for (ssize_t count = 0; (count = ::read(reader.get(), buffer.data(), buffer.size())) > 0;)
        all.append(buffer.data(), static_cast<std::size_t>(count));
    for (const char letter : {'a', 'b', 'c'}) {
        const std::string wanted = line("m", {{"k", std::string(7000, letter)}});
        std::size_t found = 0;
        for (auto at = all.find(wanted); at != std::string::npos; at = all.find(wanted, at + 1))
            ++found;
        CHECK(found == lines);
    }
}

TEST_CASE("a JSON line is one JSON object whatever its values hold")
{
    const auto text = format_log_line(
        LogFormat::json, kTime, LogLevel::warn, "a\n\"b\xFF", {{"worker", "w1"}}, {{"k", "}\n{"}});
    const auto document = JsonDocument::parse(text);
    REQUIRE(document);
    const auto json = document->root();
    CHECK(*json.string("ts") == kTime);
    CHECK(*json.string("level") == "warn");
    CHECK(*json.string("msg") == "a\n\"b\xEF\xBF\xBD");
    CHECK(*json.string("worker") == "w1");
    CHECK(*json.string("k") == "}\n{");
}

TEST_CASE("a logger writes its context, and nothing below the least level")
{
    const test::TempDir directory;
    const auto path = directory.path() / "log";
    {
        const test::ManualClock clock;
        const auto fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
        REQUIRE(fd);
        LogSink sink{fd->get(), LogFormat::logfmt, LogLevel::info, clock};
        const Logger root{sink};
        const Logger run = root.with("run", "7");
        run.debug("not written");
        run.info("one", {{"a", "1"}});
        root.error("two", Error{Errc::timed_out, "no answer"});
    }
    CHECK(*read_file(path, 4096)
        == "ts=2026-01-02T00:00:00.000Z level=info msg=one run=7 a=1\n"
           "ts=2026-01-02T00:00:00.000Z level=error msg=two cause=timed_out error=\"no answer\"\n");
}
