// Time from the run frame, and from the acceptance of a stage, to the first byte of its command, in slots
// that are made when they are wanted and in warm ones. The launcher's engine in this process, the machine's
// Docker, and a control plane of files.
//   slot_bench [STAGES]   so many stages of each are measured (20)
#include "common/file.h"
#include "common/ulid.h"
#include "launcher/docker_host.h"
#include "launcher/engine.h"
#include "test/bench/harness.h"
#include "test/support/fake_backend.h"
#include "test/support/image_maker.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <poll.h>

#include <cstdio>
#include <exception>
#include <future>
#include <map>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using slipway::bench::Samples;
using slipway::bench::Table;
using Time = std::chrono::steady_clock::time_point;

constexpr int kStages = 20; // without an argument
constexpr double kGoalFrame = 2;
constexpr double kGoalAccept = 5;

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

/// When each step of the stage under way was taken first.
class Steps {
public:
    void take(std::string_view step)
    {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock{mutex_};
        times_.try_emplace(std::string{step}, now);
    }

    void begin()
    {
        const std::lock_guard lock{mutex_};
        times_.clear();
    }

    Time at(const std::string& step)
    {
        const std::lock_guard lock{mutex_};
        const auto it = times_.find(step);
        if (it == times_.end())
            throw std::runtime_error{"no step " + step};
        return it->second;
    }

private:
    std::mutex mutex_;
    std::map<std::string, Time> times_;
};

struct Measured {
    Samples frame;
    Samples accept;
    Samples slot; ///< From the acceptance to a slot that listens.
    Samples started; ///< The report that must be durable before the run frame.
};

Measured measure(const docker::Engine& docker, const std::string& image, int count, int warm)
{
    const TempDir directory;
    const SystemClock clock;
    SystemRandom random;
    FakeBackend backend{directory.path() / "backend", clock};
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    const auto key = must(crypto::PrivateKey::generate(2048));
    Steps steps;
    EngineSettings settings;
    settings.state_directory = directory.path() / "state";
    settings.default_image = image;
    settings.warm_slots = warm;
    auto engine = must(Engine::create(settings, {.engine = docker, .network = "none"}, {key},
        {.backend = backend,
            .clock = clock,
            .random = random,
            .logger = Logger{sink},
            .enroll = {},
            .hook = [&](std::string_view step) { steps.take(step); }}));
    auto end = std::async(std::launch::async, [&] { return engine.run({}); });
    Measured measured;
    for (int i = 0; i <= count; ++i) {
        protocol::Assignment a;
        a.stage_id = make_ulid(clock, random);
        a.run_id = a.pool_id = make_ulid(clock, random);
        a.stack_id = "bench";
        a.stage_name = "plan";
        a.run_type = "TRACKED";
        a.phases = {{.name = "plan", .before = {}, .commands = {"echo x"}, .after = {}}};
        steps.begin();
        backend.add(a);
        if (!backend.wait_finished(a.stage_id, std::chrono::seconds{60})
            || !backend.wait_until([&] { return engine.status().stages.empty(); }, std::chrono::seconds{60}))
            throw std::runtime_error{"the stage did not end"};
        if (!backend.wait_until([&] { return engine.status().idle_slots == static_cast<std::size_t>(warm); },
                std::chrono::seconds{60}))
            throw std::runtime_error{"no slot was warmed"};
        if (i == 0)
            continue; // the first one finds nothing warm
        measured.frame.add(steps.at("output") - steps.at("run frame"));
        measured.accept.add(steps.at("output") - steps.at("before accept"));
        measured.slot.add(steps.at("slot") - steps.at("accept"));
        measured.started.add(steps.at("started") - steps.at("before started"));
    }
    engine.drain();
    end.wait();
    return measured;
}

void run(int count)
{
    const auto docker = must(docker::connect(must(docker::Endpoint::parse("")), {}));
    ImageMaker images{docker};
    const auto image = images.busybox();
    Samples docker_run;
    for (int i = 0; i < count; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        auto process = must(Process::start(
            {.argv = {"docker", "run", "--rm", "--network", "none", image, "sh", "-c", "echo x"},
                .env = {},
                .directory = {},
                .log = {}}));
        (void)must(process.read_until("x\n", std::chrono::seconds{60}));
        docker_run.add(std::chrono::steady_clock::now() - begin);
        (void)must(process.wait(std::chrono::seconds{60}));
    }
    const auto cold = measure(docker, image, count, 0);
    const auto warm = measure(docker, image, count, 1);
    std::printf(
        "measured: run frame to first byte, warm: %.2f ms (goal %g)\n", warm.frame.quantile(0.5), kGoalFrame);
    std::printf("measured: acceptance to first byte, warm: %.1f ms (goal %g)\n", warm.accept.quantile(0.5),
        kGoalAccept);
    Table table{"to the first byte of a stage's command, medians", "ms"};
    table.baseline("docker run", docker_run.quantile(0.5));
    table.row("cold: acceptance to first byte", cold.accept.quantile(0.5), docker_run.quantile(0.5));
    table.row("warm: acceptance to first byte", warm.accept.quantile(0.5), kGoalAccept);
    table.row("warm: the same, 90 of 100", warm.accept.quantile(0.9));
    table.row("warm: of that, image and slot", warm.slot.quantile(0.5));
    table.row("warm: of that, the report of the start", warm.started.quantile(0.5));
    table.row("cold: run frame to first byte", cold.frame.quantile(0.5), kGoalFrame);
    table.row("warm: run frame to first byte", warm.frame.quantile(0.5), kGoalFrame);
    std::fputs(table.text().c_str(), stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        run(argc > 1 ? std::stoi(argv[1]) : kStages);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "slot_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
