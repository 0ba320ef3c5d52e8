#include "test/bench/own_launcher.h"

#include "common/file.h"
#include "common/log.h"
#include "common/random.h"
#include "launcher/engine.h"
#include "launcher/identity.h"
#include "launcher/mothership_backend.h"
#include "test/bench/secrets.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace slipway::bench {

namespace {

using namespace slipway::launcher;

constexpr std::chrono::seconds kSoon{60};

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

Identity identity_of(const test::World& world, const Clock& clock)
{
    Config config;
    config.token = Secret{world.token()};
    config.private_keys.emplace_back(world.private_key_base64());
    auto checked = check_identity(config, clock);
    if (const auto* refusal = std::get_if<Refusal>(&checked))
        throw std::runtime_error{refusal->message};
    return std::get<Identity>(std::move(checked));
}

std::unique_ptr<MothershipBackend> backend_of(
    const Identity& who, int capacity, const Clock& clock, Random& random)
{
    return must(MothershipBackend::create({.url = who.url,
        .ca_pem = who.ca_pem,
        .identity
        = {.certificate_pem = who.certificate_pem, .private_key_pem = must(who.private_key.to_pem())},
        .user_agent = "slipway-launcher/bench",
        .clock = clock,
        .random = random,
        .capacity = capacity}));
}

EngineSettings settings_of(const test::World& world, const Identity& who, const OwnLauncherSettings& wanted)
{
    EngineSettings settings;
    settings.state_directory = world.state_directory();
    settings.default_image = world.image();
    settings.capacity = wanted.capacity;
    settings.warm_slots = wanted.warm;
    settings.pool_id = who.pool_id;
    if (!wanted.mounted.empty())
        settings.extra_mounts = {{.host = wanted.mounted, .container = "/bench"}};
    for (auto& [name, value] : secrets()) {
        settings.mask_names.push_back(name);
        settings.passed.push_back({.name = std::move(name), .value = std::move(value)});
    }
    return settings;
}

EngineDocker docker_of(const OwnLauncherSettings& wanted)
{
    EngineDocker docker{
        .engine = must(docker::connect(must(docker::Endpoint::parse(wanted.docker_host)), {})),
        .network = {},
        .runtime = {},
        .registry = {}};
    docker.network = wanted.network;
    return docker;
}

} // namespace

Pipe::Pipe(std::filesystem::path directory)
    : directory_{std::move(directory)}
{
    const auto path = directory_ / "pipe";
    must(make_directories(directory_, 0755));
    // Any user of a container may write to it, whatever our umask is.
    if (::mkfifo(path.c_str(), 0666) != 0 || ::chmod(path.c_str(), 0666) != 0)
        throw std::runtime_error{"making a FIFO"};
    reader_ = must(open_file(path, O_RDWR | O_NONBLOCK));
}

Time Pipe::wait(std::chrono::milliseconds deadline) const
{
    pollfd readable{.fd = reader_.get(), .events = POLLIN, .revents = 0};
    char byte = 0;
    if (::poll(&readable, 1, static_cast<int>(deadline.count())) != 1)
        throw std::runtime_error{"no byte of the command came"};
    const auto now = std::chrono::steady_clock::now();
    if (::read(reader_.get(), &byte, 1) != 1)
        throw std::runtime_error{"reading the FIFO"};
    return now;
}

void Steps::take(std::string_view step)
{
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock{mutex_};
    if (!times_.contains(step))
        times_.emplace(step, now);
}

void Steps::clear()
{
    const std::lock_guard lock{mutex_};
    times_.clear();
}

Time Steps::at(const std::string& step) const
{
    const std::lock_guard lock{mutex_};
    const auto it = times_.find(step);
    if (it == times_.end())
        throw std::runtime_error{"no step " + step};
    return it->second;
}

std::map<std::string, Time, std::less<>> Steps::all() const
{
    const std::lock_guard lock{mutex_};
    return times_;
}

struct OwnLauncher::Parts {
    Parts(test::World& world, const OwnLauncherSettings& settings, Steps& steps)
        : sink{STDERR_FILENO, LogFormat::logfmt, LogLevel::error, clock}
        , identity{identity_of(world, clock)}
        , backend{backend_of(identity, settings.capacity, clock, random)}
        , engine{must(Engine::create(settings_of(world, identity, settings), docker_of(settings),
              identity.private_keys,
              {.backend = *backend,
                  .clock = clock,
                  .random = random,
                  .logger = Logger{sink},
                  .enroll = {},
                  .hook = [&steps](std::string_view step) { steps.take(step); }}))}
    {
    }

    SystemClock clock;
    SystemRandom random;
    LogSink sink;
    Identity identity;
    std::unique_ptr<MothershipBackend> backend;
    Engine engine;
};

OwnLauncher::OwnLauncher(test::World& world, const OwnLauncherSettings& settings)
    : warm_{static_cast<std::size_t>(settings.warm)}
    , parts_{std::make_unique<Parts>(world, settings, steps_)}
    , end_{std::async(std::launch::async, [this] { (void)parts_->engine.run({}); })}
{
}

OwnLauncher::~OwnLauncher()
{
    parts_->engine.drain();
    end_.wait();
}

void OwnLauncher::wait_at_rest() const
{
    const auto at_rest = [this] {
        const auto status = parts_->engine.status();
        return status.stages.empty() && status.idle_slots == warm_;
    };
    if (!test::World::becomes_true(at_rest, kSoon))
        throw std::runtime_error{"the launcher does not come to rest"};
}

} // namespace slipway::bench
