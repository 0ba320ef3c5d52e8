#include "common/file.h"
#include "test/support/busy_job.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

using namespace slipway;
using namespace slipway::test;

namespace {

const ByteGenerator& generator()
{
    static const ByteGenerator lines{seed()};
    return lines;
}

/// The launcher as another build of it would be: another version, and another slot-init inside.
std::filesystem::path make_other_build(const std::filesystem::path& directory)
{
    std::ifstream file{SLIPWAY_BIN_DIR "/slipway-launcher", std::ios::binary};
    std::string program{std::istreambuf_iterator<char>{file}, {}};
    const std::string words = "slot-init is made to be PID 1";
    const auto at = program.find(words);
    REQUIRE(at != std::string::npos);
    REQUIRE(program.find(words, at + 1) == std::string::npos); // it is slot-init's alone
    program.replace(at, words.size(), "slot-init IS made to be PID 1");
    auto path = directory / "slipway-launcher-of-another-build";
    REQUIRE(replace_file(path, program, Durability::process, 0755));
    return path;
}

std::size_t slot_inits(const World& world)
{
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{world.state_directory() / "bin"})
        count += entry.path().filename().string().starts_with("slot-init-") ? 1 : 0;
    return count;
}

/// How many containers its launchers have taken over so far.
std::size_t take_overs(const World& world)
{
    constexpr std::string_view words = "the container was taken over";
    const auto log = read_file(world.directory() / "launcher.log", 64U << 20U);
    REQUIRE(log);
    std::size_t count = 0;
    for (auto at = log->find(words); at != std::string::npos; at = log->find(words, at + 1))
        ++count;
    return count;
}

} // namespace

TEST_CASE("restarts under busy jobs, from one build to another and back, lose and repeat nothing")
{
    const int hand_overs = long_mode() ? 200 : 6;
    constexpr int kJobs = 4;
    World world;
    const auto other = make_other_build(world.directory());
    const std::vector<std::pair<std::string, std::string>> extra{
        {"SLIPWAY_CAPACITY", std::to_string(kJobs)}, {"SLIPWAY_LOG_QUOTA", "none"}};
    world.start_launcher(extra);
    std::vector<std::string> runs;
    for (int job = 0; job < kJobs; ++job) {
        const std::string stack = "busy-" + std::to_string(job);
        world.create_stack(stack, {busy_command(generator())}, {"true"});
        runs.push_back(world.start_run(stack));
    }
    for (const auto& run : runs)
        world.wait_log(run, 3000);
    for (int round = 0; round < hand_overs; ++round) {
        world.hand_over();
        world.use_launcher(round % 2 == 0 ? other : std::filesystem::path{});
        world.start_launcher(extra);
        const auto taken_over = static_cast<std::size_t>(kJobs) * static_cast<std::size_t>(round + 1);
        CHECK(World::becomes_true([&] { return take_overs(world) == taken_over; }));
    }
    CHECK(slot_inits(world) == 2);
    world.open_gate();
    std::uint32_t longest = 0;
    for (const auto& run : runs) {
        const auto end = world.wait_run(
            run, [](const RunView& view) { return view.state == "UNCONFIRMED" || view.terminal; },
            std::chrono::minutes{3});
        CHECK(end.state == "UNCONFIRMED");
        const auto log = world.log(run);
        longest = std::max(longest, number_after(log, " longest="));
        world.confirm(run);
        world.wait_state(run, "FINISHED");
        world.record(run, generator().lines(0, number_after(log, "total=")));
    }
    CHECK(world.history().report() == "");
    WARN("over " << hand_overs << " hand-overs no job waited longer than " << longest << " ms to write");
}

TEST_CASE("a restart after the program's file was replaced runs the new one and keeps what runs")
{
    World world;
    const auto installed = world.directory() / "slipway-launcher";
    std::filesystem::copy_file(SLIPWAY_BIN_DIR "/slipway-launcher", installed);
    world.use_launcher(installed);
    world.start_launcher();
    world.create_stack("web", {busy_command(generator())}, {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    std::filesystem::rename(make_other_build(world.directory()), installed);
    const auto before = world.log(run).size();
    world.wait_log(run, before); // the old process goes on with its file replaced
    world.hand_over();
    world.start_launcher();
    CHECK(slot_inits(world) == 2);
    world.wait_log(run, world.log(run).size());
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    const auto log = world.log(run);
    world.confirm(run);
    world.wait_state(run, "FINISHED");
    world.record(run, generator().lines(0, number_after(log, "total=")));
    CHECK(world.history().report() == "");
}
