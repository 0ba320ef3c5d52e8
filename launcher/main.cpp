#include "common/random.h"
#include "launcher/engine.h"
#include "launcher/mothership_backend.h"
#include "launcher/options.h"
#include "launcher/registration.h"
#include "launcher/signals.h"
#include "launcher/startup_checks.h"

#include <unistd.h>

#include <climits>
#include <cstdio>
#include <exception>

namespace {

using namespace slipway;
using namespace slipway::launcher;

constexpr std::string_view kVersion = SLIPWAY_VERSION;

int refuse(const Refusal& refusal)
{
    std::fprintf(stderr, "slipway-launcher: %s\n", refusal.message.c_str());
    return to_int(refusal.code);
}

int print(const std::string& text)
{
    return std::fputs(text.c_str(), stdout) < 0 ? to_int(ExitCode::internal) : to_int(ExitCode::done);
}

std::string host_name()
{
    std::string name(HOST_NAME_MAX + 1, '\0');
    if (::gethostname(name.data(), name.size()) != 0)
        return "unknown";
    name.resize(name.find('\0'));
    return name;
}

EngineSettings engine_settings(const Config& config, const Identity& identity, const Environment& environment)
{
    EngineSettings settings = config.engine;
    settings.passed = passed_variables(names_for_jobs(config), environment);
    settings.pool_id = identity.pool_id;
    settings.version = kVersion;
    settings.hostname = host_name();
    return settings;
}

/// Builds the parts and runs them; everything that can be refused is checked before the first thread.
int launch(const Settings& settings, const Environment& environment)
{
    const Config& config = settings.config;
    const SystemClock clock;
    SystemRandom random;
    LogSink sink{STDERR_FILENO, config.log_format, config.log_level, clock};
    const Logger logger{sink};
    for (const auto& warning : settings.warnings)
        logger.warn(warning);

    auto identity = check_identity(config, clock);
    if (const auto* refusal = std::get_if<Refusal>(&identity))
        return refuse(*refusal);
    const auto& who = std::get<Identity>(identity);
    if (const auto refusal = check_state_directory(config.engine.state_directory))
        return refuse(*refusal);
    auto docker = check_docker(config.docker_host, {});
    if (const auto* refusal = std::get_if<Refusal>(&docker))
        return refuse(*refusal);
    auto key_pem = who.private_key.to_pem();
    if (!key_pem)
        return refuse({ExitCode::key_unreadable, key_pem.error().message()});

    auto backend = MothershipBackend::create({.url = who.url,
        .ca_pem = who.ca_pem,
        .certificate_pem = who.certificate_pem,
        .private_key_pem = *std::move(key_pem),
        .user_agent = "slipway-launcher/" + std::string{kVersion},
        .clock = clock,
        .random = random,
        .capacity = config.engine.capacity,
        .debug = config.debug});
    if (!backend)
        return refuse({ExitCode::internal, backend.error().message()});
    Registration registration{**backend, who, config.engine.capacity, clock, logger, STDOUT_FILENO};
    auto engine = Engine::create(engine_settings(config, who, environment),
        {.engine = std::get<docker::Engine>(docker), .network = config.network, .runtime = config.runtime},
        who.private_keys,
        {.backend = **backend,
            .clock = clock,
            .random = random,
            .logger = logger,
            .enroll = [&](const auto& request, auto stop) { return registration.enroll(request, stop); },
            .hook = {}});
    if (!engine)
        return refuse(engine_refusal(engine.error()));
    const Signals signals{{.drain = [&] { engine->drain(); },
        .stop_jobs = [&] { logger.info("stopping what runs"), engine->stop_jobs(); },
        .hand_over = [&] { logger.info("handing over: containers stay"), engine->hand_over(); },
        .reload = [&] { logger.info("HUP is ignored: restart the launcher to change its settings"); }}};
    const auto end = engine->run({});
    const auto refusal = registration.refusal();
    return end == EngineEnd::refused && refusal ? refuse(*refusal) : to_int(ExitCode::done);
}

int run(int argc, char** argv)
{
    const Environment environment = Environment::take(kSecretVariables);
    if (const auto guarded = protect_memory(); !guarded)
        return refuse({ExitCode::internal, guarded.error().message()});
    if (const auto blocked = Signals::block(); !blocked)
        return refuse({ExitCode::internal, blocked.error().message()});
    const auto command_line = parse_command_line(argc, argv);
    if (!command_line)
        return refuse({ExitCode::bad_option, command_line.error().message()});
    if (command_line->action == Action::print_help)
        return print(help_text());
    if (command_line->action == Action::print_markdown)
        return print(reference_markdown());
    if (command_line->action == Action::print_man)
        return print(reference_man());
    if (command_line->action == Action::print_version)
        return print("slipway-launcher " + std::string{kVersion} + "\n");
    const auto settings = read_settings(*command_line, environment, ::geteuid() == 0);
    if (!settings)
        return refuse({ExitCode::bad_option, settings.error().message()});
    if (command_line->action == Action::print_config)
        return print(settings_text(*settings));
    return launch(*settings, environment);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::exception& failure) {
        return refuse({ExitCode::internal, std::string{"unexpected: "} + failure.what()});
    }
}
