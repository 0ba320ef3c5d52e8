// Memory of an idle launcher, and the time from its start to its first poll, against a control plane in this
// process.
//   launcher_bench [STARTS]   so many starts are measured (40)
#include "common/file.h"
#include "test/bench/harness.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/fake_mothership.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::test;
using slipway::bench::Samples;
using slipway::bench::Table;

constexpr int kStarts = 40; // without an argument
constexpr double kGoalMilliseconds = 20;
constexpr double kGoalMegabytes = 12;
constexpr std::chrono::seconds kSoon{30};
const std::string kLauncher = SLIPWAY_BIN_DIR "/slipway-launcher";

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

/// A line "name: N kB" of /proc/<pid>/status, in megabytes.
double status_megabytes(pid_t pid, const std::string& name)
{
    const std::string status = must(read_file("/proc/" + std::to_string(pid) + "/status", 65536));
    const auto at = status.find(name + ":");
    if (at == std::string::npos)
        throw std::runtime_error{"no " + name + " in /proc/<pid>/status"};
    return std::stod(status.substr(at + name.size() + 1)) * 1024 / 1e6;
}

/// Start to end of a program that does nothing but load what the launcher links.
std::chrono::nanoseconds time_of_version()
{
    const auto begin = std::chrono::steady_clock::now();
    auto process
        = must(Process::start({.argv = {kLauncher, "--version"}, .env = {}, .directory = {}, .log = {}}));
    (void)must(process.finish(kSoon));
    return std::chrono::steady_clock::now() - begin;
}

void run(int count)
{
    const PoolFixture pool{std::chrono::system_clock::now()};
    FakeMothership server{pool};
    const TempDir directory;
    const ProcessSpec spec{.argv = {kLauncher},
        .env = {{"SPACELIFT_TOKEN", pool.token()}, {"SPACELIFT_POOL_PRIVATE_KEY", pool.key_base64()},
            {"SPACELIFT_WORKER_COMMS_URL", server.url()},
            {"SLIPWAY_STATE_DIR", (directory.path() / "state").string()}},
        .directory = {},
        .log = directory.path() / "log"};
    Samples versions;
    Samples starts;
    double resident = 0;
    double peak = 0;
    for (int i = 0; i < count; ++i) {
        versions.add(time_of_version());
        const auto begin = std::chrono::steady_clock::now();
        auto process = must(Process::start(spec));
        const auto poll = server.wait_for_poll(kSoon);
        if (!poll)
            throw std::runtime_error{"no poll came: " + read_file(spec.log, 1 << 20).value_or("")};
        starts.add(*poll - begin);
        // The third one is idle for certain: the answer to the second has been dealt with.
        if (!server.wait_for_poll(kSoon) || !server.wait_for_poll(kSoon))
            throw std::runtime_error{"the launcher stopped polling"};
        resident = std::max(resident, status_megabytes(process.pid(), "VmRSS"));
        peak = std::max(peak, status_megabytes(process.pid(), "VmHWM"));
        process.signal(SIGTERM);
        (void)must(process.wait(kSoon));
        (void)server.wait_for_poll(std::chrono::milliseconds{0});
    }
    // For docs/SPECIFICATION.md, where the test command shows them.
    std::printf(
        "measured: start to first poll: %.1f ms (goal %g)\n", starts.quantile(0.5), kGoalMilliseconds);
    std::printf("measured: memory when idle: %.1f MB (goal %g)\n", resident, kGoalMegabytes);
    Table time{"start of the launcher to its first poll", "ms"};
    time.baseline("load the libraries and exit (--version), median", versions.quantile(0.5));
    time.row("median", starts.quantile(0.5), kGoalMilliseconds);
    time.row("90 of 100", starts.quantile(0.9));
    time.row("fastest", starts.quantile(0));
    std::fputs(time.text().c_str(), stdout);

    auto sleeper = must(Process::start({.argv = {"sleep", "600"}, .env = {}, .directory = {}, .log = {}}));
    while (status_megabytes(sleeper.pid(), "VmRSS") < 0.5) { }
    Table memory{"memory of an idle launcher", "MB"};
    memory.baseline("sleep(1)", status_megabytes(sleeper.pid(), "VmRSS"));
    memory.row("resident (VmRSS)", resident, kGoalMegabytes);
    memory.row("peak (VmHWM)", peak);
    std::fputs(memory.text().c_str(), stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        run(argc > 1 ? std::stoi(argv[1]) : kStarts);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "launcher_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
