#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <algorithm>

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
