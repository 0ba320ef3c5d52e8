#include "launcher/launch.h"

#include "common/file.h"
#include "common/random.h"
#include "launcher/ask.h"
#include "launcher/decrypt.h"
#include "launcher/engine.h"
#include "launcher/mothership_backend.h"
#include "launcher/options.h"
#include "launcher/policy/policy_input.h"
#include "launcher/policy/run_policy.h"
#include "launcher/registration.h"
#include "launcher/registry/role_warning.h"
#include "launcher/reload.h"
#include "launcher/root_cas.h"
#include "launcher/signals.h"
#include "launcher/startup_checks.h"
#include "launcher/watchers.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <iterator>
#include <optional>

namespace slipway::launcher {

namespace {

/// As programs and people are told it.
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
    settings.passed = variables_for_jobs(config);
    if (!settings.root_cas.empty())
        std::ranges::copy(root_cas_variables(), std::back_inserter(settings.passed));
    std::ranges::copy(
        passed_variables(names_for_jobs(config), environment), std::back_inserter(settings.passed));
    settings.pool_id = identity.pool_id;
    settings.version = kVersion;
    settings.hostname = host_name();
    return settings;
}

/// Credential helpers get the launcher's environment, less its secrets: they look for their accounts there.
RegistrySettings registry_settings(const Config& config, const Environment& environment)
{
    RegistrySettings settings{.docker_config_dir = config.docker_config_dir,
        .helper = {.environment = environment.variables()},
        .aws = read_aws_settings([&](std::string_view name) { return environment.find(name); })};
    if (!config.docker_config_dir.empty())
        settings.helper.environment.emplace_back("DOCKER_CONFIG", config.docker_config_dir.string());
    return settings;
}

/// How OPA sees a stage at the start, when there is none yet.
std::string sample_input(const Config& config, const Identity& identity)
{
    return policy_input({}, config.engine.default_image,
        {.pool = identity.pool_id,
            .hostname = host_name(),
            .version = std::string{kVersion},
            .metadata = config.engine.metadata});
}

/// Jobs that share a way to the cloud's metadata with us, and may go it.
bool jobs_reach_metadata(const Config& config, const docker::Endpoint& docker)
{
    return config.engine.job_metadata == JobMetadata::allow && config.network != "none"
        && !docker.socket_path().empty();
}

Result<std::vector<std::string>> ask_policy(
    const RunPolicy& policy, const std::string& input, std::stop_token stop)
{
    auto verdict = SLIPWAY_TRY(policy.evaluate(input, std::move(stop)));
    if (verdict.sample)
        SLIPWAY_TRY(write_all(STDERR_FILENO, sample_line(input, verdict)));
    return std::move(verdict.denials);
}

/// What HUP does; see docs/operations.md.
void reload(Result<Identity> fresh, MothershipBackend& backend, Registration& registration, Engine& engine,
    const Logger& logger)
{
    auto pem = fresh ? fresh->private_key.to_pem() : Result<Secret>{fresh.error()};
    const auto shown = pem ? backend.replace_identity(
                           {.certificate_pem = fresh->certificate_pem, .private_key_pem = *std::move(pem)})
                           : Result<void>{pem.error()};
    if (!shown) {
        logger.warn("HUP changes nothing, token and keys stay as they are", shown.error());
        return;
    }
    auto keys = fresh->private_keys;
    logger.info("token and keys were read again", {{"keys", std::to_string(keys.size())}});
    registration.replace(*std::move(fresh));
    engine.replace_keys(std::move(keys));
}

/// Jobs take a file of authorities in place of their image's, so it holds this machine's, too.
std::optional<Refusal> trust_additional(Config& config)
{
    if (config.additional_root_cas.empty())
        return std::nullopt;
    auto all = with_system_authorities(config.additional_root_cas);
    if (!all)
        return Refusal{ExitCode::bad_option, "ADDITIONAL_ROOT_CAS: " + all.error().message()};
    config.engine.root_cas = *std::move(all);
    return std::nullopt;
}

/// What is told apart from the parts that are made of it.
struct Start {
    const Config& config;
    const CommandLine& command_line;
    const Environment& environment;
    const SystemClock& clock;
    Random& random;
    const Logger& logger;
    const PolicyCheck& policy;
};

/// The way to the control plane, which it begins to go.
Checked<std::unique_ptr<MothershipBackend>> open_backend(
    const Config& config, const Identity& who, const Clock& clock, Random& random)
{
    auto key_pem = who.private_key.to_pem();
    if (!key_pem)
        return Refusal{ExitCode::key_unreadable, key_pem.error().message()};
    auto backend = MothershipBackend::create({.url = who.url,
        .ca_pem = who.ca_pem,
        .identity = {.certificate_pem = who.certificate_pem, .private_key_pem = *std::move(key_pem)},
        .user_agent = "slipway-launcher/" + std::string{kVersion},
        .clock = clock,
        .random = random,
        .capacity = config.engine.capacity,
        .debug = config.debug});
    if (!backend)
        return Refusal{ExitCode::internal, backend.error().message()};
    (*backend)->connect_ahead();
    return *std::move(backend);
}

/// Builds the parts and runs them.
int work(const Start& start, const Identity& who, MothershipBackend& backend, docker::Engine docker)
{
    const Config& config = start.config;
    Registration registration{backend, who, config.engine.capacity, start.clock, start.logger, STDOUT_FILENO};
    const auto registry = registry_settings(config, start.environment);
    const bool warns_of_role
        = jobs_reach_metadata(config, docker.endpoint) && !registry.aws.metadata_disabled;
    std::optional<RoleWarning> role_warning; // used by the engine's poll alone
    News news;
    auto engine = Engine::create(engine_settings(config, who, start.environment),
        {.engine = std::move(docker),
            .network = config.network,
            .runtime = config.runtime,
            .registry = registry},
        who.private_keys,
        {.backend = backend,
            .clock = start.clock,
            .random = start.random,
            .logger = start.logger,
            .enroll =
                [&](const auto& request, auto stop) {
                    auto answer = registration.enroll(request, stop);
                    if (answer && warns_of_role && !role_warning) // which nothing of the start waits for
                        role_warning.emplace(registry.aws, start.logger);
                    return answer;
                },
            .run_logs = STDOUT_FILENO,
            .hook = {},
            .on_change = [&] { news.changed(); },
            .policy = start.policy});
    if (!engine)
        return refuse(engine_refusal(engine.error()));
    Watchers watchers{news};
    const LauncherFacts facts{.version = std::string{kVersion},
        .url = who.url,
        .pool_id = who.pool_id,
        .instance_id = engine->instance_id(),
        .pid = ::getpid()};
    const auto watching_them = watchers.start(watched(*engine, facts),
        {.facts = facts,
            .state_directory = config.engine.state_directory,
            .metrics_address = config.metrics_address},
        start.environment, start.logger);
    if (!watching_them)
        return refuse({ExitCode::cannot_listen, watching_them.error().message()});
    const auto read = [&] {
        return read_identity_again(start.command_line, start.environment, config, who, start.clock);
    };
    const auto reload_now = [&] { reload(read(), backend, registration, *engine, start.logger); };
    const Signals signals{{.drain = [&] { engine->drain(); },
        .stop_jobs = [&] { start.logger.info("stopping what runs"), engine->stop_jobs(); },
        .hand_over = [&] { start.logger.info("handing over: containers stay"), engine->hand_over(); },
        .reload = [&] { watchers.around_reload(reload_now); }}};
    const auto end = engine->run({});
    if (end == EngineEnd::disk_threshold)
        return to_int(ExitCode::disk_threshold);
    const auto refusal = registration.refusal();
    return end == EngineEnd::refused && refusal ? refuse(*refusal) : to_int(ExitCode::done);
}

/// Everything that can be refused is checked before any part is made but the way to the control plane, whose
/// handshake takes as long as all checks of Docker.
int launch(const Settings& settings, const CommandLine& command_line, const Environment& environment)
{
    Config config = settings.config;
    const SystemClock clock;
    SystemRandom random;
    LogSink sink{STDERR_FILENO, config.log_format, config.log_level, clock};
    const Logger logger{sink};
    for (const auto& warning : settings.warnings)
        logger.warn(warning);

    export_proxies(config.proxies);
    if (const auto refusal = trust_additional(config))
        return refuse(*refusal);
    if (const auto refusal = read_seccomp_profiles(config.engine.job))
        return refuse(*refusal);
    const auto identity = check_identity(config, clock);
    if (const auto* refusal = std::get_if<Refusal>(&identity))
        return refuse(*refusal);
    if (const auto refusal = check_state_directory(config.engine.state_directory))
        return refuse(*refusal);
    const auto& who = std::get<Identity>(identity);
    auto backend = open_backend(config, who, clock, random);
    if (const auto* refusal = std::get_if<Refusal>(&backend))
        return refuse(*refusal);
    const auto address = check_docker_address(config);
    if (const auto* refusal = std::get_if<Refusal>(&address))
        return refuse(*refusal);
    auto docker = check_docker(std::get<docker::Endpoint>(address), {});
    if (const auto* refusal = std::get_if<Refusal>(&docker))
        return refuse(*refusal);
    PolicyCheck policy;
    if (!config.policy_file.empty()) {
        auto opened = RunPolicy::open({.file = config.policy_file,
                                          .opa = config.opa,
                                          .deadline = std::chrono::milliseconds{config.policy_timeout},
                                          .environment = policy_environment(environment.variables())},
            sample_input(config, who), {});
        if (const auto* refusal = std::get_if<Refusal>(&opened))
            return refuse(*refusal);
        policy = [kept = std::get<RunPolicy>(std::move(opened))](
                     const auto& input, auto token) { return ask_policy(kept, input, std::move(token)); };
    }
    return work({config, command_line, environment, clock, random, logger, policy}, who,
        *std::get<std::unique_ptr<MothershipBackend>>(backend), std::get<docker::Engine>(std::move(docker)));
}

/// What `status` and the like ask: the launcher of this directory, or the worker that keeps its state below
/// it, beside a launcher's.
std::filesystem::path running_state_directory(const std::filesystem::path& directory)
{
    std::error_code none;
    if (std::filesystem::exists(directory / "control", none))
        return directory;
    for (std::filesystem::directory_iterator at{directory, none}; !none && at != end(at); at.increment(none))
        if (std::error_code unknown; std::filesystem::exists(at->path() / "control", unknown))
            return at->path();
    return directory;
}

} // namespace

bool asks_one_that_runs(int argc, char** argv)
{
    constexpr std::array<std::string_view, 5> actions{"status", "why", "drain", "undrain", "stop"};
    return argc > 1 && std::ranges::find(actions, argv[1]) != actions.end();
}

int run_launcher(int argc, char** argv)
{
    const Environment environment = Environment::take(kSecretVariables);
    if (const auto guarded = protect_memory(); !guarded)
        return refuse({ExitCode::internal, guarded.error().message()});
    if (argc > 1 && std::string_view{argv[1]} == "decrypt")
        return decrypt_command(argc - 1, argv + 1, environment);
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
    if (command_line->asks())
        return ask(*command_line, running_state_directory(settings->config.engine.state_directory));
    if (const auto blocked = Signals::block(); !blocked)
        return refuse({ExitCode::internal, blocked.error().message()});
    return launch(*settings, *command_line, environment);
}

} // namespace slipway::launcher
