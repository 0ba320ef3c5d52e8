// A log on its way from a job's container to the control plane, both real, with 100 secrets to mask.
//   log_bench [MB]   of so many megabytes (600)
#include "common/file.h"
#include "test/bench/harness.h"
#include "test/bench/secrets.h"
#include "test/bench/world_end.h"
#include "test/support/world.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace slipway;
using namespace slipway::test;
using slipway::bench::Table;

namespace {

constexpr double kGoalCpu = 1.5; ///< ms/MB of launcher and slot-init.
constexpr double kGoalDelivered = 10; ///< ms/MB: 100 MB/s.
constexpr double kGoalSpooled = 2; ///< ms/MB: 500 MB/s.
constexpr int kMegabytes = 600; // without an argument
constexpr int kMostFileMegabytes = 60;

std::string read_all(const std::string& path)
{
    auto text = read_file(path, 65536);
    if (!text)
        throw std::runtime_error{text.error().message()};
    return *std::move(text);
}

/// CPU time, in ms, of the line of a /proc/PID/stat (proc(5)).
double cpu_ms(const std::string& stat)
{
    std::istringstream fields{stat.substr(stat.rfind(')') + 2)};
    std::string field;
    double ticks = 0;
    for (int i = 3; i <= 15 && fields >> field; ++i)
        if (i >= 14)
            ticks += std::stod(field);
    return ticks * 1000 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double cpu_of(const Process& process)
{
    return cpu_ms(read_all("/proc/" + std::to_string(process.pid()) + "/stat"));
}

/// What the job saw: time since boot, in ms, and the CPU time of its PID 1.
struct Mark {
    double uptime = 0;
    double cpu = 0;
};

Mark mark_in(const std::string& log, std::size_t at)
{
    std::istringstream lines{log.substr(at)};
    Mark mark;
    std::string line;
    std::getline(lines, line);
    mark.uptime = std::stod(line.substr(line.find(' ') + 1)) * 1000;
    std::getline(lines, line);
    mark.cpu = cpu_ms(line);
    return mark;
}

void run(int wanted)
{
    World world;
    world.start_launcher(bench::masked_environment());
    const int file_megabytes = std::min(wanted, kMostFileMegabytes);
    const int times = wanted / file_megabytes;
    const double megabytes = file_megabytes * times;
    const std::string mark = "echo \"mark $(cut -d' ' -f1 /proc/uptime)\"; cat /proc/1/stat";
    std::string show = "cat";
    for (int i = 0; i < times; ++i)
        show += " /tmp/log";
    world.create_stack("web",
        {"yes '2026-01-01T00:00:00Z INFO module.network.aws_subnet.private[0]: Still creating... "
         "[id=subnet-0abc]' | head "
         "-c " + std::to_string(file_megabytes)
                + "000000 >/tmp/log",
            mark, show, "echo; " + mark},
        {"true"});
    const double launcher_before = cpu_of(world.launcher());
    const double mothership_before = cpu_of(world.mothership());
    const auto id = world.start_run("web");
    (void)world.wait_run(
        id, [](const RunView& view) { return view.terminal || view.state == "UNCONFIRMED"; },
        std::chrono::minutes{5});
    const double delivered = std::stod(read_all("/proc/uptime")) * 1000;
    const double launcher = cpu_of(world.launcher()) - launcher_before;
    const double mothership = cpu_of(world.mothership()) - mothership_before;

    bench::end_launcher(world);
    const std::string first = world.log(id);
    const std::string last = world.log(id, static_cast<std::uint64_t>(megabytes * 1e6));
    const auto begin = mark_in(first, first.find("mark "));
    const auto end = mark_in(last, last.find("mark "));
    const double slot = end.cpu - begin.cpu;
    Table cpu{"CPU for each MB of a log, 100 secrets masked", "ms/MB"};
    cpu.baseline("the control plane", mothership / megabytes);
    cpu.row("PID 1 of the slot", slot / megabytes);
    cpu.row("the launcher", launcher / megabytes);
    cpu.row("both", (slot + launcher) / megabytes, kGoalCpu);
    std::fputs(cpu.text().c_str(), stdout);
    Table time{"time for each MB of a log", "ms/MB"};
    time.baseline("until it is in the spool", (end.uptime - begin.uptime) / megabytes);
    time.row(
        "until it is in the spool, against its goal", (end.uptime - begin.uptime) / megabytes, kGoalSpooled);
    time.row(
        "until it is durable in the control plane", (delivered - begin.uptime) / megabytes, kGoalDelivered);
    std::fputs(time.text().c_str(), stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        run(argc > 1 ? std::max(1, std::atoi(argv[1])) : kMegabytes);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "log_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
