#include "common/base64.h"
#include "common/json.h"
#include "launcher/vela/shipped_log.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace slipway;
using namespace slipway::vela;
using namespace std::chrono_literals;

namespace {

std::string data_of(const http::ClientRequest::Body& log)
{
    std::string text;
    if (const auto* whole = std::get_if<std::string>(&log))
        text = *whole;
    if (const auto* file = std::get_if<http::ClientRequest::File>(&log)) {
        text.resize(file->length);
        REQUIRE(::pread(file->fd, text.data(), text.size(), static_cast<off_t>(file->offset))
            == static_cast<ssize_t>(text.size()));
    }
    const auto document = JsonDocument::parse(text, {.max_bytes = 64 * 1024 * 1024});
    REQUIRE(document);
    const auto data = base64_decode(*document->root().string("data"));
    REQUIRE(data);
    return *data;
}

/// A log, and a server that keeps what it is sent.
struct Shop {
    test::TempDir directory;
    test::ManualClock clock;
    std::uint64_t max_size = 0;
    std::vector<std::string> puts;
    std::vector<Error> failures; ///< Of the next calls.
    std::unique_ptr<ContainerLog> log;

    explicit Shop(std::uint64_t most = 0)
        : max_size{most}
    {
        restart();
    }

    void restart()
    {
        log.reset();
        auto put = [this](const http::ClientRequest::Body& body, std::stop_token) -> Result<void> {
            if (!failures.empty()) {
                const auto failure = failures.front();
                failures.erase(failures.begin());
                return failure;
            }
            puts.push_back(data_of(body));
            return {};
        };
        auto opened = ShippedLog::open(directory.path() / "log", std::move(put), clock, max_size);
        REQUIRE(opened);
        log = *std::move(opened);
    }

    void print(std::string_view text) const { REQUIRE(log->spool().append_output(text)); }

    std::chrono::milliseconds ship() const
    {
        const auto next = log->ship({});
        REQUIRE(next);
        return *next;
    }

    /// Ships for a time in steps of 100 ms.
    void ship_for(std::chrono::milliseconds time)
    {
        for (; time > 0ms; time -= 100ms) {
            clock.advance(100ms);
            (void)ship();
        }
    }
};

} // namespace

TEST_CASE("a small log goes out at once, and within a second of each change", "[vela]")
{
    Shop shop;
    CHECK(shop.ship() == 1s);
    CHECK(shop.puts.empty());
    shop.print("one\n");
    CHECK(shop.ship() == 1s);
    CHECK(shop.puts == std::vector<std::string>{"one\n"});
    shop.print("two\n");
    shop.clock.advance(300ms);
    CHECK(shop.ship() == 700ms);
    CHECK(shop.puts.size() == 1);
    shop.clock.advance(700ms);
    CHECK(shop.ship() == 1s);
    CHECK(shop.puts.back() == "one\ntwo\n");
    shop.ship_for(5s);
    CHECK(shop.puts.size() == 2);
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts.size() == 2);
}

TEST_CASE("what is sent of a log that grows stays in proportion to its size", "[vela]")
{
    Shop shop;
    const std::string block(64 * 1024, 'x');
    std::uint64_t size = 0;
    for (int second = 0; second < 60; ++second) {
        shop.print(block + "\n");
        size += block.size() + 1;
        shop.ship_for(1s);
    }
    std::uint64_t sent = 0;
    for (const auto& put : shop.puts)
        sent += put.size();
    CHECK(sent < 7 * size);
    CHECK(shop.puts.back().size() > size * 3 / 4);
    // A little more is not forgotten.
    const auto before = shop.puts.size();
    shop.print("the last line\n");
    shop.ship_for(11s);
    CHECK(shop.puts.size() > before);
    CHECK(shop.puts.back().ends_with("the last line\n"));
}

TEST_CASE("a value that is masked late is covered in what was sent before", "[vela]")
{
    Shop shop;
    shop.print("key is hunter2-hunter2, pin 42; ::add-mask word\n");
    (void)shop.ship();
    CHECK(shop.puts.back().find("hunter2") != std::string::npos);
    shop.log->mask({"", "hunter2-hunter2", "42", " \n"});
    shop.clock.advance(1s);
    (void)shop.ship();
    CHECK(shop.puts.back() == "key is ***, pin ***; ::add-mask word\n");
    shop.log->mask({"42"});
    shop.ship_for(3s);
    CHECK(shop.puts.size() == 2);
}

TEST_CASE("no cut of a build's output shows a part of a masked value", "[vela]")
{
    Shop shop;
    shop.log->mask({"correct horse", "ab", "abc", "*"});
    const std::string text = "a correct horse abc ab a\ncorrect hors";
    for (const char c : text) {
        shop.print({&c, 1});
        shop.clock.advance(1s);
        (void)shop.ship();
        CHECK(shop.puts.empty() == (shop.log->spool().size() < 2));
        if (!shop.puts.empty())
            CHECK(shop.puts.back().find("correct") == std::string::npos);
    }
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts.back() == "a *** *** *** a\ncorrect hors");
}

TEST_CASE("a log over its cap is cut after masking and says so", "[vela]")
{
    Shop shop{20};
    shop.log->mask({"secret-secret"});
    shop.print("0123456789\n12345 secret-secret");
    (void)shop.ship();
    shop.print(" more\n");
    shop.clock.advance(1s);
    (void)shop.ship();
    const std::string expected
        = "0123456789\n12345 ***\n[the log is longer than 20 bytes, which is this worker's "
          "limit (VELA_EXECUTOR_MAX_LOG_SIZE); the rest is left out]\n";
    CHECK(shop.puts.back() == expected);
    const auto count = shop.puts.size();
    shop.print("and more\n");
    shop.ship_for(20s);
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts.size() == count);
}

TEST_CASE("a cap on logs bounds what a container can put on the disk", "[vela]")
{
    Shop shop{1000};
    const std::string block(1024 * 1024, 'x');
    for (int i = 0; i < 4; ++i)
        shop.print(block);
    CHECK(shop.log->spool().size() < 2 * block.size());
    CHECK(shop.log->spool().slot_end() == 4 * block.size());
}

TEST_CASE("the end of a log is sent again while the server is away", "[vela]")
{
    Shop shop;
    shop.print("words\n");
    shop.failures = {Error{Errc::unreachable, "away"}, Error{Errc::timed_out, "slow"}};
    CHECK_FALSE(shop.log->ship({}));
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts == std::vector<std::string>{"words\n"});
    shop.print("more\n");
    shop.failures = {Error{Errc::rejected, "the build is over"}};
    const auto refused = shop.log->finish({});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
    std::stop_source stop;
    stop.request_stop();
    shop.failures = {Error{Errc::unreachable, "away"}};
    CHECK_FALSE(shop.log->finish(stop.get_token()));
}

TEST_CASE("a build's log goes on after a crash with each text once", "[vela]")
{
    Shop shop;
    REQUIRE(shop.log->append(1, "> Pulling secrets\n"));
    shop.print("out");
    (void)shop.ship();
    shop.restart();
    CHECK(shop.log->spool().slot_end() == 3);
    REQUIRE(shop.log->append(1, "> Pulling secrets\n"));
    shop.print("put\n");
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts.back() == "> Pulling secrets\noutput\n");
}

TEST_CASE("a masked value of several lines is covered where it is printed as one", "[vela]")
{
    Shop shop;
    shop.log->mask({"ab\ncd\n", "x\ny"});
    shop.print("<ab cd> <x y> <ab> <x>\n");
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts.back() == "<***> <***> <ab> <x>\n");
}

TEST_CASE("a log whose end was dropped does not show the begin of a masked value", "[vela]")
{
    // Most of what the disk keeps is masked away, and it ends within a value.
    constexpr std::uint64_t kept = 1024 + 1024 * 1024;
    Shop shop{1024};
    const std::string value(256, 's');
    shop.log->mask({value});
    shop.print(std::string(kept - 100, 's') + "\n" + "secret");
    shop.print(std::string(200, 's'));
    REQUIRE(shop.log->spool().dropped() != 0);
    shop.log->mask({"secret" + std::string(200, 's')});
    REQUIRE(shop.log->finish({}));
    CHECK(shop.puts.back().find("secret") == std::string::npos);
}
