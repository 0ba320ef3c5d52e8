// How soon four jobs that write without a pause are taken over by the next launcher, after a hand-over and
// after a kill, and how long they wait meanwhile. The real programs; 100 secrets to mask. Not one line of
// their logs may be missing or doubled.
//   takeover_bench [TIMES] [--load]   so many of each (10); --load: beside a busy process for each core
#include "common/file.h"
#include "test/bench/harness.h"
#include "test/bench/secrets.h"
#include "test/bench/world_end.h"
#include "test/support/busy_job.h"
#include "test/support/world.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::test;
using slipway::bench::Load;
using slipway::bench::Samples;
using slipway::bench::Table;
using Wall = std::chrono::system_clock::time_point;

constexpr int kTimes = 10; // without an argument
constexpr int kJobs = 4;
constexpr double kGoalTakeOver = 60;
constexpr double kGoalPause = 50;
constexpr std::string_view kTakenOver = "the container was taken over";

/// The time of day at the begin of a line of the launcher's log.
std::chrono::milliseconds time_of_day(std::string_view line)
{
    // ts=2026-01-01T12:34:56.789Z
    const auto number = [line](std::size_t at, std::size_t digits) {
        return std::stoi(std::string{line.substr(at, digits)});
    };
    constexpr std::size_t time = std::char_traits<char>::length("ts=2026-01-01T");
    return std::chrono::hours{number(time, 2)} + std::chrono::minutes{number(time + 3, 2)}
    + std::chrono::seconds{number(time + 6, 2)} + std::chrono::milliseconds{number(time + 9, 3)};
}

/// When each container was taken over so far.
std::vector<std::chrono::milliseconds> take_overs(const World& world)
{
    const auto log = read_file(world.directory() / "launcher.log", 64U << 20U);
    if (!log)
        throw std::runtime_error{log.error().message()};
    std::vector<std::chrono::milliseconds> times;
    for (auto at = log->find(kTakenOver); at != std::string::npos; at = log->find(kTakenOver, at + 1))
        times.push_back(time_of_day(std::string_view{*log}.substr(log->rfind('\n', at) + 1)));
    return times;
}

/// From the start of the process to the last of the jobs.
std::chrono::nanoseconds start_again(World& world)
{
    const auto before = take_overs(world).size();
    const auto begin = std::chrono::system_clock::now();
    world.start_launcher(bench::masked_environment({{"SLIPWAY_CAPACITY", std::to_string(kJobs)}}));
    if (!World::becomes_true([&] { return take_overs(world).size() == before + kJobs; }))
        throw std::runtime_error{"not all jobs were taken over"};
    const auto last = std::ranges::max(take_overs(world));
    return std::chrono::floor<std::chrono::days>(begin) + last - begin;
}

struct Measured {
    Samples taken_over;
    double pause = 0; ///< The longest, in ms.
};

Measured measure(World& world, const std::string& prefix, int times, const std::function<void()>& leave)
{
    const ByteGenerator lines{1};
    std::vector<std::string> runs;
    for (int job = 0; job < kJobs; ++job) {
        const std::string stack = prefix + std::to_string(job);
        world.create_stack(stack, {busy_command(lines)}, {"true"});
        runs.push_back(world.start_run(stack, "PROPOSED"));
    }
    for (const auto& run : runs)
        world.wait_log(run, 3000);
    Measured measured;
    for (int i = 0; i < times; ++i) {
        leave();
        measured.taken_over.add(start_again(world));
    }
    world.open_gate();
    for (const auto& run : runs) {
        world.wait_state(run, "FINISHED");
        const auto log = world.log(run);
        measured.pause = std::max(measured.pause, static_cast<double>(number_after(log, " longest=")));
        world.record(run, lines.lines(0, number_after(log, "total=")));
    }
    return measured;
}

void run(int times, bool loaded)
{
    World world;
    world.start_launcher(bench::masked_environment({{"SLIPWAY_CAPACITY", std::to_string(kJobs)}}));
    std::optional<Load> load;
    if (loaded)
        load.emplace();
    const auto handed_over = measure(world, "handed-over-", times, [&] { world.hand_over(); });
    const auto killed = measure(world, "killed-", times, [&] { world.kill_launcher(); });
    bench::end_launcher(world);
    if (const auto report = world.history().report(); !report.empty())
        throw std::runtime_error{report};
    if (loaded)
        std::puts("beside a busy process for each core:");
    Table table{"from the start of the new launcher until it has taken over 4 jobs", "ms"};
    table.baseline("the fastest", killed.taken_over.quantile(0));
    table.row("after a kill", killed.taken_over.quantile(0.5), kGoalTakeOver);
    table.row("after a kill, the slowest", killed.taken_over.quantile(1));
    table.row("after a hand-over", handed_over.taken_over.quantile(0.5), kGoalTakeOver);
    table.row("after a hand-over, the slowest", handed_over.taken_over.quantile(1));
    table.row("the longest that a job waited to write, over all hand-overs", handed_over.pause, kGoalPause);
    table.row("the same, over all kills", killed.pause);
    std::fputs(table.text().c_str(), stdout);
    std::printf("measured: take-over of 4 jobs after a kill: %.0f ms (goal %g)\n",
        killed.taken_over.quantile(0.5), kGoalTakeOver);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const bool loaded = argc > 1 && std::strcmp(argv[argc - 1], "--load") == 0;
        run(argc > (loaded ? 2 : 1) ? std::stoi(argv[1]) : kTimes, loaded);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "takeover_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
