// Many short runs through a launcher with 8 places, beside as many of `docker run` in 8 shells: the time of
// all, the rate when no warm slot is left, and what a run costs the host in processor time, with the engine,
// its shims, the refill of the pool and the removal of containers. An engine of its own, jobs without a
// network.
//   throughput_bench [RUNS]   so many runs (40)
#include "common/json.h"
#include "test/bench/cpu_group.h"
#include "test/bench/harness.h"
#include "test/bench/own_launcher.h"
#include "test/support/engine.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::test;
using slipway::bench::CpuGroup;
using slipway::bench::OwnLauncher;
using slipway::bench::Table;

constexpr int kRuns = 40; // without an argument
constexpr int kPlaces = 8;
constexpr double kGoalTime = 0.5; ///< By `docker run`, as the next one.
constexpr double kGoalCpu = 0.9;
constexpr std::chrono::minutes kSoon{5};

struct Cost {
    double seconds = 0; ///< Of all runs.
    double cpu = 0; ///< Of each run, in seconds.
    double dry = 0; ///< Time for each run after the warm slots were used up, in seconds.
};

double since(std::chrono::steady_clock::time_point begin)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Cost measure_docker(const CpuGroup& group, const OwnEngine& engine, const std::string& image, int runs)
{
    const std::string one
        = "docker -H " + engine.host() + " run --rm --network none " + image + " sh -c 'echo x' >/dev/null";
    const double cpu = group.seconds();
    const auto begin = std::chrono::steady_clock::now();
    std::vector<Process> shells;
    for (int shell = 0; shell < kPlaces; ++shell) {
        const int share = runs / kPlaces + (shell < runs % kPlaces ? 1 : 0);
        auto started = Process::start(
            {.argv = {"sh", "-ec",
                 "i=0; while [ $i -lt " + std::to_string(share) + " ]; do " + one + "; i=$((i + 1)); done"},
                .env = {},
                .directory = {},
                .log = {}});
        if (!started)
            throw std::runtime_error{started.error().message()};
        shells.push_back(*std::move(started));
    }
    for (auto& shell : shells)
        if (const auto code = shell.wait(kSoon); !code || *code != 0)
            throw std::runtime_error{"docker run failed"};
    const double seconds = since(begin);
    return {.seconds = seconds, .cpu = (group.seconds() - cpu) / runs, .dry = seconds / runs};
}

/// When the run's stage had ended, in milliseconds of the control plane's clock.
double ended_ms(const RunView& run)
{
    const auto document = JsonDocument::parse(run.json);
    const auto timeline = document ? document->root().at("timeline") : Result<JsonValue>{document.error()};
    const auto planned = timeline ? timeline->integer("planned_ms") : Result<std::int64_t>{timeline.error()};
    if (!planned)
        throw std::runtime_error{planned.error().message()};
    return static_cast<double>(*planned);
}

std::vector<double> ends_of(World& world, int runs)
{
    std::vector<std::string> ids;
    for (int i = 0; i < runs; ++i)
        ids.push_back(world.start_run("short", "PROPOSED"));
    std::vector<double> ends;
    for (const auto& id : ids)
        ends.push_back(ended_ms(world.wait_run(
            id, [](const RunView& run) { return run.terminal; }, kSoon)));
    std::ranges::sort(ends);
    return ends;
}

Cost measure_launcher(const CpuGroup& group, const OwnEngine& engine, World& world, int runs)
{
    world.create_stack("short", {"echo x"}, {"true"});
    OwnLauncher launcher{
        world, {.capacity = kPlaces, .warm = kPlaces, .docker_host = engine.host(), .network = "none"}};
    (void)ends_of(world, 1); // so that it knows what to warm
    launcher.wait_at_rest();
    const double cpu = group.seconds();
    const auto begin = std::chrono::steady_clock::now();
    const auto ends = ends_of(world, runs);
    Cost cost{.seconds = since(begin)};
    if (runs > kPlaces)
        cost.dry = (ends.back() - ends[kPlaces - 1]) / 1000 / (runs - kPlaces);
    launcher.wait_at_rest(); // as many containers were made and removed as there were runs
    cost.cpu = (group.seconds() - cpu) / runs;
    return cost;
}

void run(int runs)
{
    const CpuGroup group;
    OwnEngine engine{{"--cgroup-parent=" + group.name(), "--exec-opt=native.cgroupdriver=cgroupfs"}};
    World world{engine.host()};
    const auto docker = measure_docker(group, engine, world.image(), runs);
    const auto launcher = measure_launcher(group, engine, world, runs);
    Table time{std::to_string(runs) + " runs, " + std::to_string(kPlaces) + " at once", "s"};
    time.baseline("docker run in " + std::to_string(kPlaces) + " shells", docker.seconds);
    time.row("the launcher, all warm at the begin", launcher.seconds, kGoalTime * docker.seconds);
    std::fputs(time.text().c_str(), stdout);
    if (launcher.dry > 0) {
        Table dry{"time for each run when no warm slot is left", "s"};
        dry.baseline("docker run", docker.dry);
        dry.row("the launcher", launcher.dry, docker.dry);
        std::fputs(dry.text().c_str(), stdout);
    }
    Table cpu{std::string{"processor time of "}
            + (group.exact() ? "all that takes part" : "the whole machine") + " for each run",
        "s"};
    cpu.baseline("docker run", docker.cpu);
    cpu.row("the launcher", launcher.cpu, kGoalCpu * docker.cpu);
    std::fputs(cpu.text().c_str(), stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        run(argc > 1 ? std::stoi(argv[1]) : kRuns);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "throughput_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
