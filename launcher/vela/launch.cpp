#include "launcher/vela/launch.h"

#include "common/file.h"
#include "launcher/environment.h"
#include "launcher/journal.h"
#include "launcher/signals.h"
#include "launcher/start_pages.h"
#include "launcher/startup_checks.h"
#include "launcher/vela/worker.h"
#include "launcher/watchers.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <iterator>
#include <thread>

namespace slipway::vela {

namespace {

using launcher::ExitCode;
using launcher::Refusal;

/// As programs and people are told it.
constexpr std::string_view kVersion = SLIPWAY_VERSION;
constexpr std::size_t kMaxFile = 1024 * 1024;
/// What the start alone has needed is given back then; what is touched now and then adds up again.
constexpr std::chrono::seconds kStartIsOver{10};
constexpr std::chrono::minutes kBetween{5};

int refuse(const Refusal& refusal)
{
    std::fprintf(stderr, "slipway-launcher: %s\n", refusal.message.c_str());
    return launcher::to_int(refusal.code);
}

int refuse(ExitCode code, const Error& error) { return refuse({code, error.message()}); }

std::string os_hostname()
{
    std::string name(HOST_NAME_MAX + 1, '\0');
    if (::gethostname(name.data(), name.size()) != 0)
        return "localhost";
    name.resize(name.find('\0'));
    return name;
}

launcher::Config docker_config(const Options& options)
{
    launcher::Config config;
    config.docker_host = options.docker_host;
    config.docker_tls_verify = options.docker_tls_verify;
    config.docker_cert_path = options.docker_cert_path;
    return config;
}

Result<std::unique_ptr<WorkerApi>> listen(
    const Options& options, std::string_view version, Worker& worker, const Logger& logger)
{
    WorkerApiOptions api{.port = options.port,
        .https = options.https,
        .tls_min_version = options.tls_min_version,
        .hostname = options.hostname,
        .version = std::string{version}};
    if (options.https && !options.server_cert.empty()) {
        api.certificate_chain = SLIPWAY_TRY(read_file(options.server_cert, kMaxFile));
        auto key = SLIPWAY_TRY(read_file(options.server_key, kMaxFile));
        api.private_key = Secret::take(key);
    } else if (options.https) {
        constexpr std::uint16_t kHttp = 80;
        if (options.port != kHttp)
            api.plain_port = kHttp;
    }
    return WorkerApi::listen(std::move(api), worker.hooks(), logger);
}

/// What credential helpers may see: everything but our secrets.
std::vector<std::pair<std::string, std::string>> helper_environment(const Sources& sources)
{
    const auto secrets = secret_variables();
    std::vector<std::pair<std::string, std::string>> environment;
    for (const auto& variable : sources.variables)
        if (std::ranges::find(secrets, variable.first) == secrets.end())
            environment.push_back(variable);
    return environment;
}

/// As Docker's own client: credentials of registries are in it.
std::filesystem::path docker_config_directory(const Sources& sources)
{
    const auto found
        = std::ranges::find(sources.variables, "DOCKER_CONFIG", &std::pair<std::string, std::string>::first);
    return found == sources.variables.end() ? std::filesystem::path{} : std::filesystem::path{found->second};
}

std::string join(const std::vector<std::string>& names)
{
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

Result<void> obey(Worker& worker, const launcher::ControlRequest& request)
{
    using Do = launcher::ControlRequest::Do;
    switch (request.what) {
    case Do::status:
        break;
    case Do::drain:
        return worker.pause_intake();
    case Do::leave:
        worker.drain(launcher::DrainBy::exit_command);
        break;
    case Do::undrain:
        return worker.resume_intake();
    case Do::stop:
        return worker.cancel_build(request.job);
    }
    return {};
}

/// `slipway-launcher status`, `why`, `drain` and the service manager. Metrics have their place in the
/// worker's API.
Result<void> watch(launcher::Watchers& watchers, Worker& worker, const Sources& sources,
    launcher::LauncherFacts facts, std::filesystem::path directory, const Logger& logger)
{
    return watchers.start({.status = [&worker] { return worker.look(); },
                              .metrics = {},
                              .obey = [&worker](const auto& request) { return obey(worker, request); }},
        {.facts = std::move(facts), .state_directory = std::move(directory), .metrics_address = {}},
        launcher::Environment::of(sources.variables, {}), logger);
}

int work(const Options& options, const Sources& sources, std::string_view version, docker::Engine docker,
    const Logger& logger)
{
    const SystemClock clock;
    SystemRandom random;
    auto journal = launcher::Journal::open(options.state_directory / "vela", clock, random);
    if (!journal)
        return refuse(launcher::engine_refusal(journal.error()));
    auto server = Server::create(
        {.url = options.server_address, .user_agent = "slipway-launcher/" + std::string{version}});
    if (!server)
        return refuse(ExitCode::bad_option, std::move(server).error().in("VELA_SERVER_ADDR"));
    auto host = BuildHost::open({.engine = std::move(docker),
                                    .instance_id = journal->instance_id(),
                                    .state_directory = journal->directory(),
                                    .volumes = options.volumes,
                                    .drop_capabilities = options.drop_capabilities,
                                    .docker_config_dir = docker_config_directory(sources),
                                    .environment = helper_environment(sources)},
        clock, random, logger, {});
    if (!host)
        return refuse(ExitCode::docker_lacks_setting, host.error());
    Credentials credentials{options.server_secret, journal->directory() / "registration", clock};
    if (const auto loaded = credentials.load(); !loaded)
        logger.warn("the token of the last registration cannot be read", loaded.error());
    launcher::News news;
    Worker worker{{.options = options,
        .server = **server,
        .host = **host,
        .credentials = credentials,
        .clock = clock,
        .random = random,
        .logger = logger,
        .directory = journal->directory(),
        .facts = {.host = options.hostname, .version = "v" + std::string{version}}, // as builds know it
        .on_change = [&] { news.changed(); }}};
    auto api = listen(options, version, worker, logger);
    if (!api)
        return refuse(ExitCode::cannot_listen, api.error());
    launcher::Watchers watchers{news};
    const auto watched = watch(watchers, worker, sources,
        {.version = std::string{version},
            .url = options.server_address,
            .pool_id = join(options.queue_routes),
            .instance_id = journal->instance_id(),
            .pid = ::getpid()},
        journal->directory(), logger);
    if (!watched)
        return refuse(ExitCode::cannot_listen, watched.error());
    const launcher::Signals signals{{.drain = [&] { worker.drain(); },
        .stop_jobs = [&] { logger.info("cancelling what runs"), worker.cancel_builds(); },
        .hand_over = [&] { worker.hand_over(); },
        .reload = [] {}}};
    worker.run();
    return launcher::to_int(ExitCode::done);
}

/// Where the process finds its options: arguments, environment, files.
Sources process_sources(int argc, char** argv)
{
    Sources sources{.arguments = {argv + std::min(argc, 1), argv + argc},
        .variables = {},
        .read_file = [](const std::string& path) -> std::optional<std::string> {
            auto text = read_file(path, kMaxFile);
            return text ? std::optional{*std::move(text)} : std::nullopt;
        },
        .os_hostname = os_hostname(),
        .root = ::geteuid() == 0};
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        if (const auto equals = text.find('='); equals != std::string_view::npos)
            sources.variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return sources;
}

/// What is asked of the program instead of work; nothing: it is to work.
std::optional<std::string> page(const Sources& sources)
{
    for (const auto& argument : sources.arguments) {
        if (argument == "--help" || argument == "-h")
            return help_text();
        if (argument == "--help-markdown")
            return help_markdown();
    }
    return std::nullopt;
}

int serve(const Sources& sources)
{
    if (const auto asked = page(sources)) {
        std::fputs(asked->c_str(), stdout);
        return launcher::to_int(ExitCode::done);
    }
    auto read = read_options(sources);
    if (!read)
        return refuse(ExitCode::bad_option, read.error());
    const Options& options = read->options;
    std::fputs((version_json(kVersion) + "\n").c_str(), stdout);
    std::fflush(stdout);
    const SystemClock clock;
    LogSink sink{STDERR_FILENO, options.log_format, options.log_level, clock};
    const Logger logger{sink};
    for (const auto& warning : read->warnings)
        logger.warn(warning);
    if (const auto refusal = launcher::check_state_directory(options.state_directory / "vela"))
        return refuse(*refusal);
    const auto address = launcher::check_docker_address(docker_config(options));
    if (const auto* refusal = std::get_if<Refusal>(&address))
        return refuse(*refusal);
    auto docker = launcher::check_docker(std::get<docker::Endpoint>(address), {});
    if (const auto* refusal = std::get_if<Refusal>(&docker))
        return refuse(*refusal);
    return work(options, sources, kVersion, std::get<docker::Engine>(std::move(docker)), logger);
}

} // namespace

bool is_meant(int argc, char** argv)
{
    auto sources = process_sources(argc, argv);
    const bool meant = selected(sources);
    for (auto& [name, value] : sources.variables)
        wipe(value);
    return meant;
}

int run_worker(int argc, char** argv)
{
    const auto sources = process_sources(argc, argv);
    auto secrets = secret_variables();
    std::ranges::copy(launcher::kSecretVariables, std::back_inserter(secrets));
    (void)launcher::Environment::take(secrets); // what children and /proc could show of them
    if (const auto guarded = launcher::protect_memory(); !guarded)
        return refuse(ExitCode::internal, guarded.error());
    if (const auto blocked = launcher::Signals::block(); !blocked)
        return refuse(ExitCode::internal, blocked.error());
    const SystemClock clock;
    const std::jthread later{[&clock](std::stop_token stop) {
        for (std::chrono::nanoseconds wait = kStartIsOver; clock.sleep_for(wait, stop) == Clock::Slept::whole;
             wait = kBetween)
            launcher::release_start_pages();
    }};
    return serve(sources);
}

} // namespace slipway::vela
