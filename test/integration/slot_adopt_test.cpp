#include "test/hostile/slot_fixture.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <random>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

/// "0 1 2 …" in lines of nine characters.
std::string numbers_from(std::uint64_t begin, std::uint64_t size)
{
    std::string text;
    for (std::uint64_t line = begin / 9; text.size() < size + 9; ++line) {
        std::string digits = std::to_string(line);
        text += std::string(8 - digits.size(), '0') + digits + "\n";
    }
    return text.substr(begin % 9, size);
}

} // namespace

TEST_CASE("a repeated run frame starts nothing")
{
    SlotFixture fixture;
    fixture.create();
    const auto spec = SlotFixture::script(
        "echo once >> /tmp/count; echo up; until [ -e /tmp/go ]; do sleep 0.05; done; exit 4");
    fixture.start(spec);
    fixture.wait_output("up\n");
    must(fixture.slot().link().run(1, spec)); // while it runs
    run_host("docker exec " + fixture.container() + " touch /tmp/go");
    CHECK(fixture.finish().exit.code == 4);
    must(fixture.slot().link().run(1, spec)); // and afterwards
    CHECK(fixture.shell("cat /tmp/count").output == "once\n");
}

TEST_CASE("50 MB of output arrive byte for byte over any number of launcher deaths")
{
    SlotFixture fixture;
    fixture.create();
    constexpr std::uint64_t kSize = 50'000'004;
    fixture.start({.argv = {"sh", "-c", "seq -w 0 99999999 | head -c 50000004; exit 11"},
        .env = {"PATH=/bin"},
        .cwd = "/",
        .user = "1983"});
    std::mt19937 dice{seed()};
    std::uint64_t durable = 0;
    std::uint64_t expected = 0;
    std::uint64_t next_death = 100'000;
    int deaths = 0;
    std::optional<slot::Exited> exit;
    while (!exit) {
        auto event = must(fixture.slot().link().next_event(30s, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event)) {
            REQUIRE(output->offset == expected);
            REQUIRE(output->bytes == numbers_from(expected, output->bytes.size()));
            expected += output->bytes.size();
            if (dice() % 3 != 0)
                durable = expected;
            if (dice() % 2 == 0)
                (void)fixture.slot().link().ack(durable, 0);
            if (expected > next_death) {
                // Dies with output that was seen and not kept.
                fixture.restart_launcher(durable);
                expected = durable;
                next_death = durable + dice() % 1'000'000;
                ++deaths;
            } else {
                durable = expected;
                (void)fixture.slot().link().ack(durable, 0);
            }
        }
        if (const auto* found = std::get_if<slot::Exited>(&*event))
            exit = *found;
    }
    CHECK(deaths > 30);
    CHECK(expected == kSize);
    CHECK(exit->output_end == kSize);
    CHECK(exit->code == 11);
}

TEST_CASE("a slot in which another build of slot-init runs is adopted")
{
    SlotFixture fixture{false};
    fixture.use_init(SLIPWAY_OTHER_SLOT_INIT);
    fixture.create();
    fixture.start(
        SlotFixture::script("echo up; until [ -e /tmp/go ]; do sleep 0.05; done; echo over; exit 4"));
    fixture.wait_output("up\n");
    fixture.restart_launcher(fixture.have);
    CHECK(fixture.wait_for<slot::Ready>().running == 1);
    run_host("docker exec " + fixture.container() + " touch /tmp/go");
    CHECK(fixture.finish().exit.code == 4);
    CHECK(fixture.shell("echo next").output == "next\n");
}

TEST_CASE("an exit that was not acknowledged is told again")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(SlotFixture::script("echo x; exit 9"));
    CHECK(fixture.wait_for<slot::Exited>().code == 9);
    fixture.restart_launcher(0);
    const RunEnd again = fixture.finish();
    CHECK(again.exit.code == 9);
    fixture.restart_launcher(fixture.have);
    CHECK(fixture.wait_for<slot::Ready>().last_seq == 1);
    must(fixture.slot().link().run(1, SlotFixture::script("echo twice")));
    CHECK_FALSE(must(fixture.slot().link().next_event(300ms, {})));
}

TEST_CASE("after bye the container has the last run's code")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell(GENERATE("exit 42", "kill -15 $$"));
    must(fixture.slot().link().bye());
    const auto code = must(fixture.docker().wait_container(fixture.container(),
        {.condition = docker::WaitCondition::not_running, .timeout = 30s, .on_armed = {}}, {}));
    CHECK((code == 42 || code == 143));
    must(fixture.slot().destroy(fixture.docker(), {}));
    CHECK_FALSE(std::filesystem::exists(fixture.place()));
    must(fixture.slot().destroy(fixture.docker(), {}));
}
