#include "common/file.h"
#include "test/support/byte_generator.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr const char* kLibrary = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
constexpr std::uint32_t kLines = 600;

/// A wall clock for both programs that the test steps; other clocks go on (DONT_FAKE_MONOTONIC).
class SteppedClock {
public:
    explicit SteppedClock(std::filesystem::path file)
        : file_{std::move(file)}
    {
        step("+0");
    }

    void step(const std::string& offset) { REQUIRE(replace_file(file_, offset + "\n", Durability::process)); }

    [[nodiscard]] std::vector<std::pair<std::string, std::string>> environment() const
    {
        return {{"LD_PRELOAD", kLibrary}, {"FAKETIME_TIMESTAMP_FILE", file_.string()},
            {"FAKETIME_NO_CACHE", "1"}, {"DONT_FAKE_MONOTONIC", "1"},
            {"ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0"}};
    }

private:
    std::filesystem::path file_;
};

} // namespace

TEST_CASE("wall clocks that jump by hours in mid-run change nothing for the run")
{
    if (!std::filesystem::exists(kLibrary)) {
        WARN("no wall clock can be stepped here: install libfaketime");
        return;
    }
    const ByteGenerator generator{seed()};
    World world;
    SteppedClock clock{world.directory() / "clock"};
    world.kill_mothership();
    world.start_mothership(clock.environment());
    world.start_launcher(clock.environment());
    const std::vector<std::string> counting{
        generator.shell(0, kLines - 10, "0.004"), World::kGate, generator.shell(kLines - 10, 10)};
    world.create_stack("web", counting, counting);
    const auto run = world.start_run("web");
    std::uint64_t seen = 0;
    const auto step = [&](const std::string& offset) {
        world.wait_log(run, seen + 1500);
        clock.step(offset);
        seen = world.log(run).size();
    };
    step("+7h");
    step("+1h");
    world.wait_log(run, seen + 1500);
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    world.wait_no_containers();
    seen = world.log(run).size();
    world.confirm(run);
    step("+40h");
    step("+2h"); // never to before the certificates were made: those are refused then
    world.wait_log(run, seen + 1500);
    world.open_gate();
    world.wait_state(run, "FINISHED");
    const auto lines = generator.lines(0, kLines);
    world.record(run, lines + lines);
    CHECK(world.history().report() == "");
}
