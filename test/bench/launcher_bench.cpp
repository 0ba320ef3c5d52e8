// The time from the start of a launcher until it is ready, and its memory and processor time when it is idle,
// beside a real control plane and the machine's Docker.
//   launcher_bench [STARTS [SECONDS]]   so many starts (40), and so long idle (30)
#include "test/bench/harness.h"
#include "test/bench/process_figures.h"
#include "test/bench/world_end.h"
#include "test/support/world.h"

#include <poll.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

namespace {

using namespace slipway;
using namespace slipway::test;
using namespace slipway::bench;

constexpr int kStarts = 40; // without an argument
constexpr int kSeconds = 30; // likewise
constexpr double kGoalMilliseconds = 20;
constexpr double kGoalMegabytes = 12;
constexpr double kGoalPrivate = 3;
constexpr double kGoalPercent = 0.1;

void measure_starts(World& world, int count)
{
    Samples versions;
    Samples starts;
    for (int i = 0; i <= count; ++i) {
        versions.add(time_of_version(SLIPWAY_BIN_DIR "/slipway-launcher"));
        const auto begin = std::chrono::steady_clock::now();
        world.start_launcher();
        const auto end = std::chrono::steady_clock::now();
        if (i != 0)
            starts.add(end - begin);
        else // it installs slot-init and finds out how slots are reached
            while (!std::filesystem::exists(world.state_directory() / "transport"))
                ::poll(nullptr, 0, 10);
        world.hand_over();
    }
    Table time{"start of the launcher until it is ready", "ms"};
    time.baseline("load the libraries and exit (--version), median", versions.quantile(0.5));
    time.row("median", starts.quantile(0.5), kGoalMilliseconds);
    time.row("99 of 100", starts.quantile(0.99));
    time.row("fastest", starts.quantile(0));
    std::fputs(time.text().c_str(), stdout);
    std::printf("measured: start until ready: %.1f ms (goal %g)\n", starts.quantile(0.5), kGoalMilliseconds);
}

void measure_idle(World& world, int seconds)
{
    world.start_launcher();
    const pid_t pid = world.launcher().pid();
    const auto begin = std::chrono::steady_clock::now();
    ::poll(nullptr, 0, 1000 * seconds); // what is measured is that nothing happens
    const double early = cpu_seconds(pid);
    ::poll(nullptr, 0, 1000 * seconds);
    const double spent = cpu_seconds(pid) - early;
    const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / 2;
    const double resident = status_megabytes(pid, "VmRSS");
    Table memory{"memory of an idle launcher", "MB"};
    memory.baseline("sleep(1)", idle_megabytes());
    memory.row("resident (VmRSS)", resident, kGoalMegabytes);
    memory.row("of that private (RssAnon)", status_megabytes(pid, "RssAnon"), kGoalPrivate);
    memory.row("peak (VmHWM)", status_megabytes(pid, "VmHWM"));
    std::fputs(memory.text().c_str(), stdout);
    Table cpu{"processor time of an idle launcher, of one core", "%"};
    cpu.baseline("a core", 100);
    cpu.row("the launcher", spent / whole * 100, kGoalPercent);
    std::fputs(cpu.text().c_str(), stdout);
    std::printf("measured: memory when idle: %.1f MB (goal %g)\n", resident, kGoalMegabytes);
    end_launcher(world);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        World world;
        measure_starts(world, argc > 1 ? std::stoi(argv[1]) : kStarts);
        measure_idle(world, argc > 2 ? std::stoi(argv[2]) : kSeconds);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "launcher_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
