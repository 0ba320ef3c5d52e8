// The time from the start of a launcher until it is ready, and its memory and processor time when it is idle,
// beside a real control plane and the machine's Docker.
//   launcher_bench [STARTS [SECONDS]]   so many starts (40), and so long idle (30)
#include "common/file.h"
#include "test/bench/harness.h"
#include "test/support/world.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::test;
using slipway::bench::Samples;
using slipway::bench::Table;

constexpr int kStarts = 40; // without an argument
constexpr int kSeconds = 30; // likewise
constexpr double kGoalMilliseconds = 20;
constexpr double kGoalMegabytes = 12;
constexpr double kGoalPrivate = 3;
constexpr double kGoalPercent = 0.1;
constexpr std::chrono::seconds kSoon{30};

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

std::string proc(pid_t pid, const char* file)
{
    return must(read_file("/proc/" + std::to_string(pid) + "/" + file, 65536));
}

/// A line "name: N kB" of /proc/<pid>/status, in megabytes.
double status_megabytes(pid_t pid, const std::string& name)
{
    const std::string status = proc(pid, "status");
    const auto at = status.find(name + ":");
    if (at == std::string::npos)
        throw std::runtime_error{"no " + name + " in /proc/<pid>/status"};
    return std::stod(status.substr(at + name.size() + 1)) * 1024 / 1e6;
}

/// Processor time so far, in seconds; schedstat(5) counts nanoseconds, for each thread.
double cpu_seconds(pid_t pid)
{
    double nanoseconds = 0;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"})
        nanoseconds += std::stod(must(read_file(task.path() / "schedstat", 256)));
    return nanoseconds / 1e9;
}

/// Start to end of a program that does nothing but load what the launcher links.
std::chrono::nanoseconds time_of_version()
{
    const auto begin = std::chrono::steady_clock::now();
    auto process = must(Process::start(
        {.argv = {SLIPWAY_BIN_DIR "/slipway-launcher", "--version"}, .env = {}, .directory = {}, .log = {}}));
    (void)must(process.finish(kSoon));
    return std::chrono::steady_clock::now() - begin;
}

void measure_starts(World& world, int count)
{
    Samples versions;
    Samples starts;
    for (int i = 0; i <= count; ++i) {
        versions.add(time_of_version());
        const auto begin = std::chrono::steady_clock::now();
        world.start_launcher();
        const auto end = std::chrono::steady_clock::now();
        world.hand_over();
        if (i != 0) // the first one installs slot-init
            starts.add(end - begin);
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
    auto sleeper = must(Process::start({.argv = {"sleep", "600"}, .env = {}, .directory = {}, .log = {}}));
    while (status_megabytes(sleeper.pid(), "VmRSS") < 0.5) { }
    const double resident = status_megabytes(pid, "VmRSS");
    Table memory{"memory of an idle launcher", "MB"};
    memory.baseline("sleep(1)", status_megabytes(sleeper.pid(), "VmRSS"));
    memory.row("resident (VmRSS)", resident, kGoalMegabytes);
    memory.row("of that private (RssAnon)", status_megabytes(pid, "RssAnon"), kGoalPrivate);
    memory.row("peak (VmHWM)", status_megabytes(pid, "VmHWM"));
    std::fputs(memory.text().c_str(), stdout);
    Table cpu{"processor time of an idle launcher, of one core", "%"};
    cpu.baseline("a core", 100);
    cpu.row("the launcher", spent / whole * 100, kGoalPercent);
    std::fputs(cpu.text().c_str(), stdout);
    std::printf("measured: memory when idle: %.1f MB (goal %g)\n", resident, kGoalMegabytes);
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
