// Time until the first byte of a run's command: from the queue of the control plane, from the assignment and
// from the run frame; in warm slots and in ones that are made when they are wanted; beside `docker run` and
// `docker exec`. A real control plane, durable; the launcher's engine in this process, so that its steps can
// be seen; 100 secrets to mask; jobs that go on writing.
//   run_bench [RUNS] [--load] [--steps]   so many of each (20); --load: beside a busy process for each core;
//                                         --steps: each step of the launcher on the way, too
#include "test/bench/harness.h"
#include "test/bench/own_launcher.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <span>
#include <stdexcept>
#include <thread>

namespace {

using namespace slipway;
using namespace slipway::test;
using slipway::bench::Load;
using slipway::bench::OwnLauncher;
using slipway::bench::Pipe;
using slipway::bench::Samples;
using slipway::bench::Table;
using slipway::bench::Time;

constexpr int kRuns = 20; // without an argument
constexpr std::chrono::seconds kSoon{60};
constexpr std::size_t kWorkspaceBytes = 1'000'000;

constexpr double kGoalFrame = 2;
constexpr double kGoalFrameToRun = 0.01;
constexpr double kGoalFrameToExec = 0.04;
constexpr double kGoalAssigned = 5;
constexpr double kGoalWorkspace = 10;
constexpr double kGoalQueued = 8;
constexpr double kGoalSpread = 3; ///< p99 by the median.
constexpr double kGoalCold = 0.9; ///< By `docker run`.

/// Tells the pipe, then writes a megabyte of log.
const std::string kCommand
    = "echo >/bench/pipe; yes '2026-01-01T00:00:00Z INFO module.network: Still creating...' "
      "| head -c 1000000";

void end_well(Process& process)
{
    if (const auto code = process.wait(kSoon); !code || *code != 0)
        throw std::runtime_error{"the docker command failed"};
}

struct Baselines {
    Samples run;
    Samples exec;
};

/// A container in which commands are executed; gone with this object.
class Executor {
public:
    Executor(const std::string& image, const std::string& mount)
    {
        (void)run_program(
            {"docker", "run", "-d", "--rm", "--name", name_, "-v", mount, image, "sleep", "600"});
    }

    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    ~Executor() { (void)run_program({"docker", "rm", "-f", name_}); }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    const std::string name_ = "slipway-bench-" + std::to_string(::getpid());
};

Baselines measure_docker(const std::string& image, const Pipe& pipe, int count)
{
    const std::string mount = pipe.directory().string() + ":/bench";
    const Executor container{image, mount};
    Baselines measured;
    const auto measure = [&](Samples& samples, const std::vector<std::string>& argv) {
        const auto begin = std::chrono::steady_clock::now();
        auto process = Process::start({.argv = argv, .env = {}, .directory = {}, .log = {}});
        if (!process)
            throw std::runtime_error{process.error().message()};
        samples.add(pipe.wait(kSoon) - begin);
        end_well(*process);
    };
    for (int i = 0; i < count; ++i) {
        measure(measured.run, {"docker", "run", "--rm", "-v", mount, image, "sh", "-c", "echo >/bench/pipe"});
        measure(measured.exec, {"docker", "exec", container.name(), "sh", "-c", "echo >/bench/pipe"});
    }
    return measured;
}

/// The way of a stage to its first byte.
struct Way {
    Samples queued; ///< From the call that queues the run, or that confirms it.
    Samples offered; ///< Of that, until the assignment is here.
    Samples assigned; ///< From the assignment.
    Samples opened; ///< Until the job calls.
    Samples accept;
    Samples image_and_slot; ///< Beside the call, as what comes next.
    Samples workspace; ///< Put into the slot.
    Samples readied; ///< From then, or from the answer to the accept, until the report below.
    Samples started; ///< The report that must be durable before the run frame.
    Samples framed; ///< Until the run frame is sent.
    Samples frame; ///< From the run frame.
    std::map<std::string, Samples> steps; ///< From the assignment to each step that the launcher names.
};

void note(Way& way, OwnLauncher& launcher, Time queued, Time byte)
{
    auto& steps = launcher.steps();
    const auto assigned = steps.at("before boot");
    way.queued.add(byte - queued);
    way.offered.add(assigned - queued);
    way.assigned.add(byte - assigned);
    way.opened.add(steps.at("before accept") - assigned);
    way.accept.add(steps.at("accept") - steps.at("before accept"));
    way.image_and_slot.add(steps.at("slot") - steps.at("before accept"));
    way.workspace.add(steps.at("workspace") - steps.at("slot"));
    way.readied.add(steps.at("before started") - std::max(steps.at("workspace"), steps.at("accept")));
    way.started.add(steps.at("started") - steps.at("before started"));
    way.framed.add(steps.at("run frame") - steps.at("started"));
    way.frame.add(byte - steps.at("run frame"));
    for (const auto& [name, at] : steps.all())
        way.steps[name].add(at - assigned);
}

/// Runs that only plan.
Way measure_plans(World& world, OwnLauncher& launcher, const Pipe& pipe, int count)
{
    Way way;
    for (int i = 0; i <= count; ++i) {
        launcher.steps().clear();
        const auto begin = std::chrono::steady_clock::now();
        const auto run = world.start_run("plans", "PROPOSED");
        const auto byte = pipe.wait(kSoon);
        world.wait_state(run, "FINISHED");
        launcher.wait_at_rest();
        if (!launcher.keeps_warm())
            world.wait_no_containers(); // as docker run --rm has removed its own
        if (i != 0) // the first one finds nothing warm
            note(way, launcher, begin, byte);
    }
    return way;
}

/// The applies of runs whose plans leave a workspace.
Way measure_applies(World& world, OwnLauncher& launcher, const Pipe& pipe, int count)
{
    Way way;
    for (int i = 0; i < count; ++i) {
        const auto run = world.start_run("applies");
        (void)pipe.wait(kSoon);
        world.wait_state(run, "UNCONFIRMED");
        launcher.wait_at_rest();
        launcher.steps().clear();
        const auto begin = std::chrono::steady_clock::now();
        world.confirm(run);
        const auto byte = pipe.wait(kSoon);
        world.wait_state(run, "FINISHED");
        launcher.wait_at_rest();
        note(way, launcher, begin, byte);
    }
    return way;
}

void print_way(const char* title, const Way& way)
{
    Table table{title, "ms"};
    table.baseline("all of it", way.queued.quantile(0.5));
    table.row("until the assignment is in the launcher", way.offered.quantile(0.5));
    table.row("until the call that accepts", way.opened.quantile(0.5));
    table.row("the call that accepts", way.accept.quantile(0.5));
    table.row("beside it: image and slot", way.image_and_slot.quantile(0.5));
    table.row("beside it: sources and workspace into the slot", way.workspace.quantile(0.5));
    table.row("until the start is reported", way.readied.quantile(0.5));
    table.row("the report of the start", way.started.quantile(0.5));
    table.row("environment and run frame", way.framed.quantile(0.5));
    table.row("run frame to first byte", way.frame.quantile(0.5));
    std::fputs(table.text().c_str(), stdout);
}

/// Each step that was taken before the first byte, in order.
void print_steps(const char* title, const Way& way)
{
    std::vector<std::pair<double, std::string>> order;
    for (const auto& [name, samples] : way.steps)
        order.emplace_back(samples.quantile(0.5), name);
    std::ranges::sort(order);
    Table table{title, "ms"};
    const double all = way.assigned.quantile(0.5);
    table.baseline("all of it", all);
    table.row("all of it, the fastest tenth", way.assigned.quantile(0.1));
    for (const auto& [time, name] : order)
        if (time <= all) {
            table.row(name, time);
            table.row(name + ", the fastest tenth", way.steps.at(name).quantile(0.1));
        }
    std::fputs(table.text().c_str(), stdout);
}

void print(const Baselines& docker, const Way& warm, const Way& applied, const Way& cold)
{
    const double run = docker.run.quantile(0.5);
    const double exec = docker.exec.quantile(0.5);
    const double queued = warm.queued.quantile(0.5);
    Table table{"to the first byte of a command", "ms"};
    table.baseline("docker run", run);
    table.row("docker run, 99 of 100", docker.run.quantile(0.99));
    table.row("docker exec", exec);
    const auto both = [&](const std::string& name, const Samples& samples, double goal) {
        table.row(name, samples.quantile(0.5), goal);
        table.row(name + ", 99 of 100", samples.quantile(0.99));
    };
    both("warm: from the run frame", warm.frame, kGoalFrame);
    table.row("the same, against docker run", warm.frame.quantile(0.5), kGoalFrameToRun * run);
    table.row("the same, against docker exec", warm.frame.quantile(0.5), kGoalFrameToExec * exec);
    both("warm: from the assignment", warm.assigned, kGoalAssigned);
    both("warm: from the assignment, with a workspace of 1 MB", applied.assigned, kGoalWorkspace);
    table.row("warm: from the queue", queued, kGoalQueued);
    table.row("warm: from the queue, 99 of 100", warm.queued.quantile(0.99), kGoalSpread * queued);
    both("cold: from the assignment", cold.assigned, kGoalCold * run);
    std::fputs(table.text().c_str(), stdout);
    std::printf(
        "measured: run frame to first byte, warm: %.2f ms (goal %g)\n", warm.frame.quantile(0.5), kGoalFrame);
    std::printf("measured: assignment to first byte, warm: %.1f ms (goal %g)\n", warm.assigned.quantile(0.5),
        kGoalAssigned);
    std::printf("measured: queue to first byte, warm: %.1f ms (goal %g)\n", queued, kGoalQueued);
}

struct Wanted {
    int count = kRuns;
    bool load = false;
    bool steps = false;
};

void run(const Wanted& wanted)
{
    World world;
    const Pipe pipe{world.directory() / "pipe"};
    world.create_stack("plans", {kCommand}, {"true"});
    world.create_stack("applies",
        {"head -c " + std::to_string(kWorkspaceBytes) + " /dev/urandom >made; " + kCommand}, {kCommand});
    std::optional<Load> load;
    if (wanted.load)
        load.emplace();
    const auto docker = measure_docker(world.image(), pipe, wanted.count);
    Way warm;
    Way applied;
    {
        OwnLauncher launcher{world, {.warm = 1, .mounted = pipe.directory()}};
        warm = measure_plans(world, launcher, pipe, wanted.count);
        applied = measure_applies(world, launcher, pipe, wanted.count);
    }
    OwnLauncher launcher{world, {.warm = 0, .mounted = pipe.directory()}};
    const auto cold = measure_plans(world, launcher, pipe, wanted.count);
    if (wanted.load)
        std::puts("beside a busy process for each core:");
    print(docker, warm, applied, cold);
    print_way("warm, medians: from the queue to the first byte", warm);
    print_way("warm, medians: from the confirmation to the first byte, a workspace of 1 MB", applied);
    print_way("cold, medians: from the queue to the first byte", cold);
    if (!wanted.steps)
        return;
    print_steps("warm, medians: from the assignment to each step", warm);
    print_steps("warm, with a workspace of 1 MB, medians: from the assignment to each step", applied);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        Wanted wanted;
        for (const std::string_view argument : std::span{argv, static_cast<std::size_t>(argc)}.subspan(1)) {
            wanted.load = wanted.load || argument == "--load";
            wanted.steps = wanted.steps || argument == "--steps";
            if (!argument.starts_with("--"))
                wanted.count = std::stoi(std::string{argument});
        }
        run(wanted);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "run_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
