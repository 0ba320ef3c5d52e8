// The launcher as a Vela worker, with a stand-in for the server, a real Redis and the machine's engine: time
// from the queue to the first byte and to the end of a build, from the start of the process to its first
// look into the queue, memory when idle, and what a long log costs. The baseline of a build is what a shell
// does with docker(1): network, volume and a container for each step.
//   vela_bench [BUILDS [SECONDS [MIB]]]   so many builds and starts (20), idle so long (15), a log of so many
//                                         MiB (10)
#include "common/base64.h"
#include "test/bench/harness.h"
#include "test/bench/process_figures.h"
#include "test/bench/redis_monitor.h"
#include "test/e2e/vela_lab.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace slipway;
using namespace slipway::test;
using namespace slipway::bench;

constexpr int kBuilds = 20; // without an argument
constexpr int kSeconds = 15; // likewise
constexpr int kMebibytes = 10; // likewise
constexpr int kInARow = 10; // at most
constexpr double kGoalFirstByte = 65;
constexpr double kGoalFinished = 134;
constexpr double kGoalFirstPop = 50;
constexpr double kGoalMegabytes = 12;
constexpr double kGoalCpu = 0.17; ///< For 10 MiB.
constexpr std::chrono::seconds kSoon{60};

Wall now() { return std::chrono::system_clock::now(); }

VelaStep step_of(const std::string& name, const std::string& command)
{
    return {.name = name, .commands = {command}, .image = {}, .more = {}};
}

/// What the worker is measured beside. The network and the volume of a build are its own.
class Shell {
public:
    explicit Shell(std::string image)
        : image_{std::move(image)}
    {
    }

    /// Two samples: to the first byte of a step, and to its end.
    void one_step(Samples& first, Samples& finished) const
    {
        const auto begin = now();
        auto shell = start(kMake + kStep);
        if (const auto read = shell.read_until("x", kSoon); !read)
            throw std::runtime_error{"docker run: " + read.error().message()};
        first.add(now() - begin);
        finish(shell);
        finished.add(now() - begin);
        auto removal = start(kRemove);
        finish(removal);
    }

    /// Builds of two steps, one after another, with what they leave removed.
    [[nodiscard]] std::chrono::nanoseconds two_steps(int builds) const
    {
        const auto begin = now();
        for (int i = 0; i < builds; ++i) {
            auto shell = start(kMake + kStep + kStep + kRemove);
            finish(shell);
        }
        return now() - begin;
    }

private:
    [[nodiscard]] Process start(const std::string& script) const
    {
        auto process = Process::start(
            {.argv = {"sh", "-ec", script, "sh", image_, "slipway-bench-" + std::to_string(::getpid())},
                .env = {},
                .directory = {},
                .log = {}});
        if (!process)
            throw std::runtime_error{process.error().message()};
        return *std::move(process);
    }

    static void finish(Process& process)
    {
        if (const auto ended = process.finish(kSoon); !ended || ended->first != 0)
            throw std::runtime_error{"the docker commands failed"};
    }

    const std::string kMake = "docker network create $2 >/dev/null; docker volume create $2 >/dev/null; ";
    const std::string kStep = "docker run --rm --network $2 -v $2:/vela $1 echo x; ";
    const std::string kRemove = "docker network rm $2 >/dev/null; docker volume rm $2 >/dev/null; ";
    std::string image_;
};

struct Builds {
    Samples first;
    Samples finished;
    Samples shell_first;
    Samples shell_finished;
};

void must_succeed(VelaLab& lab, const std::string& build)
{
    if (const auto status = lab.server().build(build).text("status"); status != "success")
        throw std::runtime_error{build + " ended with " + status + "; the worker says:\n" + lab.log()};
}

void wait_until_idle(VelaLab& lab)
{
    lab.wait(
        [&] {
            const auto worker = lab.server().worker("127.0.0.2");
            const auto metrics = lab.call("GET", "/metrics", "").body;
            return worker && worker->text("status") == "idle"
                && metrics.find("slipway_vela_builds_leaving 0\n") != std::string::npos
                && metrics.find("slipway_vela_places_ready 2\n") != std::string::npos;
        },
        "an idle worker");
}

/// To the first byte of a step that goes on for a while: what is at the server when it ends shows nothing.
void measure_first_byte(VelaLab& lab, RedisMonitor& monitor, Samples& samples)
{
    const auto build = lab.push(lab.steps({step_of("one", "echo x; sleep 1.5")}));
    const auto pushed = monitor.next("\"RPUSH\"");
    // The log of the init step is number 1.
    lab.wait([&] { return !lab.server().step_log(build, 2).empty(); }, "the log of " + build);
    samples.add(now() - pushed);
    (void)lab.ended(build);
    must_succeed(lab, build);
    wait_until_idle(lab);
}

void measure_end(VelaLab& lab, RedisMonitor& monitor, Samples& samples)
{
    const auto build = lab.push(lab.steps({step_of("one", "echo x")}));
    const auto pushed = monitor.next("\"RPUSH\"");
    (void)lab.ended(build);
    samples.add(now() - pushed);
    must_succeed(lab, build);
    wait_until_idle(lab);
}

void measure_builds(VelaLab& lab, int count)
{
    RedisMonitor monitor{lab.redis()};
    const Shell shell{lab.image()};
    Builds builds;
    Builds unused;
    for (int i = count == 1 ? 1 : 0; i <= count; ++i) {
        auto& into = i == 0 ? unused : builds; // the first one finds nothing ready
        shell.one_step(into.shell_first, into.shell_finished);
        measure_first_byte(lab, monitor, into.first);
        measure_end(lab, monitor, into.finished);
    }
    Table table{"a build of one step, medians", "ms"};
    table.baseline("docker network create, docker run: to the first byte", builds.shell_first.quantile(0.5));
    table.row("the same, to the end of the container", builds.shell_finished.quantile(0.5));
    table.row(
        "from the queue to the step's first byte at the server", builds.first.quantile(0.5), kGoalFirstByte);
    table.row("the same, 99 of 100", builds.first.quantile(0.99));
    table.row(
        "from the queue to the build's end at the server", builds.finished.quantile(0.5), kGoalFinished);
    table.row("the same, 99 of 100", builds.finished.quantile(0.99));
    std::fputs(table.text().c_str(), stdout);
    std::printf("measured: Vela, queue to first byte: %.0f ms (goal %g), to the end: %.0f ms (goal %g)\n",
        builds.first.quantile(0.5), kGoalFirstByte, builds.finished.quantile(0.5), kGoalFinished);
}

void measure_row_of_builds(VelaLab& lab, int count)
{
    RedisMonitor monitor{lab.redis()};
    std::vector<std::string> builds;
    builds.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
        builds.push_back(lab.push(lab.steps({step_of("one", "echo x"), step_of("two", "echo x")})));
    const auto pushed = monitor.next("\"RPUSH\"");
    (void)lab.ended(builds.back(), kSoon);
    const auto finished = now();
    for (const auto& build : builds)
        must_succeed(lab, build);
    wait_until_idle(lab);
    const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
    const double shell = seconds(Shell{lab.image()}.two_steps(count));
    Table table{std::to_string(count) + " builds of two steps, one after another", "s"};
    table.baseline("docker commands in a shell", shell);
    table.row("from the first in the queue to the end of the last at the server", seconds(finished - pushed));
    std::fputs(table.text().c_str(), stdout);
}

void measure_starts(VelaLab& lab, int count)
{
    Samples versions;
    Samples starts;
    for (int i = 0; i <= count; ++i) {
        versions.add(time_of_version(SLIPWAY_BIN_DIR "/slipway-launcher"));
        RedisMonitor monitor{lab.redis()};
        const auto begin = now();
        lab.start();
        const auto popped = monitor.next("MOVE\" \"vela\"");
        if (i != 0) // the first one installs what containers start with
            starts.add(popped - begin);
        lab.signal(SIGTERM);
        if (lab.wait_end() != 0)
            throw std::runtime_error{"the worker did not end well; it says:\n" + lab.log()};
    }
    Table table{"start of a Vela worker until it asks Redis for a build", "ms"};
    table.baseline("load the libraries and exit (--version), median", versions.quantile(0.5));
    table.row("median", starts.quantile(0.5), kGoalFirstPop);
    table.row("99 of 100", starts.quantile(0.99));
    std::fputs(table.text().c_str(), stdout);
}

void measure_idle(VelaLab& lab, int seconds)
{
    ::poll(nullptr, 0, 1000 * seconds); // what is measured is that nothing happens
    Table table{"memory of an idle Vela worker", "MB"};
    table.baseline("sleep(1)", idle_megabytes());
    table.row("resident (VmRSS)", status_megabytes(lab.pid(), "VmRSS"), kGoalMegabytes);
    table.row("of that private (RssAnon)", status_megabytes(lab.pid(), "RssAnon"));
    std::fputs(table.text().c_str(), stdout);
}

/// Processor time of the least that any worker does with a log: it copies it, and makes base64 of it, once.
double seconds_of_base64(std::size_t bytes)
{
    const auto cpu = [] { return cpu_seconds(::getpid()); };
    const std::string log(bytes, 'x');
    const double begin = cpu();
    const auto copy = base64_encode(std::string{log});
    const double spent = cpu() - begin;
    if (copy.size() < bytes)
        throw std::runtime_error{"base64 is too short"};
    return spent;
}

/// Of all requests that bring a step's log.
double log_bytes_sent(const VelaServer& server, const std::string& build)
{
    double bytes = 0;
    for (const auto& request : server.requests())
        if (request.method == "PUT" && request.path.ends_with("/logs")
            && request.path.find(build.substr(build.rfind('/'))) != std::string::npos)
            bytes += static_cast<double>(request.body.size());
    return bytes;
}

void measure_log(VelaLab& lab, int mebibytes)
{
    constexpr double kMebibyte = 1024 * 1024;
    const double bytes = mebibytes * kMebibyte;
    forget_peak(lab.pid());
    const double begin = cpu_seconds(lab.pid());
    const auto build = lab.push(lab.steps({step_of("long",
        "yes '2026-01-01T00:00:00Z INFO module.network.aws_subnet.private[0]: Still creating...' | head -c "
            + std::to_string(static_cast<long>(bytes)))}));
    (void)lab.ended(build, kSoon);
    must_succeed(lab, build);
    wait_until_idle(lab);
    const double spent = cpu_seconds(lab.pid()) - begin;
    if (static_cast<double>(lab.server().step_log(build, 2).size()) < bytes)
        throw std::runtime_error{"the log is not whole"};
    const double tens = bytes / kMebibyte / 10;
    const std::string title = std::to_string(mebibytes) + " MiB of a step's log";
    Table cpu{"processor time of the build with " + title + ", for each 10 MiB", "s"};
    cpu.baseline(
        "copy it and make base64 of it once", seconds_of_base64(static_cast<std::size_t>(bytes)) / tens);
    cpu.row("the worker", spent / tens, kGoalCpu);
    std::fputs(cpu.text().c_str(), stdout);
    Table sent{"bytes to the server for " + title, "MB"};
    sent.baseline("the log", bytes / 1e6);
    sent.row("in base64", bytes * 4 / 3 / 1e6);
    sent.row("all requests with it", log_bytes_sent(lab.server(), build) / 1e6);
    std::fputs(sent.text().c_str(), stdout);
    Table memory{"memory of the worker with " + title, "MB"};
    memory.baseline("the log", bytes / 1e6);
    memory.row("peak (VmHWM)", status_megabytes(lab.pid(), "VmHWM"));
    std::fputs(memory.text().c_str(), stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const auto argument
            = [&](int at, int otherwise) { return argc > at ? std::stoi(argv[at]) : otherwise; };
        VelaLab lab;
        measure_starts(lab, argument(1, kBuilds));
        lab.start();
        lab.wait_listening();
        wait_until_idle(lab);
        measure_idle(lab, argument(2, kSeconds));
        measure_log(lab, argument(3, kMebibytes));
        measure_row_of_builds(lab, std::min(kInARow, 2 * argument(1, kBuilds)));
        measure_builds(lab, argument(1, kBuilds));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "vela_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
