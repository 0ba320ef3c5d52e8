#include "mothership/service.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

namespace {

using namespace slipway;
using namespace slipway::mothership;

constexpr int kFailed = 1;
constexpr int kWrongUse = 2;

int fail(const Error& error, int code)
{
    std::fprintf(stderr, "slipway-mothership: %s\n", error.message().c_str());
    return code;
}

/// Blocks TERM and INT in every thread that is started from now on; they are waited for.
sigset_t block_signals()
{
    sigset_t signals{};
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return signals;
}

/// A core holds the key of the CA.
Result<void> forbid_core_dumps()
{
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return Error::from_errno("forbidding core dumps", errno);
    return {};
}

int init(const InitOptions& options)
{
    const SystemClock clock;
    SystemRandom random;
    const auto done = init_data_directory(options, clock, random);
    if (!done)
        return fail(done.error(), kFailed);
    std::fputs(done->c_str(), stdout);
    return 0;
}

int serve(const ServeOptions& options)
{
    const sigset_t signals = block_signals();
    const SystemClock clock;
    SystemRandom random;
    LogSink sink{STDOUT_FILENO, options.log_format, LogLevel::info, clock};
    const Logger logger{sink};

    std::stop_source stop;
    std::jthread waiter{[&] {
        int signal = 0;
        sigwait(&signals, &signal);
        stop.request_stop();
    }};
    auto service
        = Service::open(options, {.clock = clock, .random = random, .logger = logger}, stop.get_token());
    int code = kFailed;
    if (service) {
        logger.info("the control plane is ready",
            {{"name", (*service)->config().name}, {"endpoint", (*service)->config().endpoint},
                {"port", std::to_string((*service)->port())}, {"data_dir", options.data_dir.string()}});
        (*service)->run(stop.get_token());
        logger.info("the control plane has stopped");
        code = 0;
    } else if (service.error().code() == Errc::cancelled) {
        logger.info("the control plane has stopped before it served", {{"why", service.error().message()}});
        code = 0;
    } else {
        logger.error("the control plane cannot start", service.error());
    }
    pthread_kill(waiter.native_handle(), SIGTERM);
    return code;
}

} // namespace

int main(int argc, char** argv)
{
    ::umask(0077);
    if (auto hidden = forbid_core_dumps(); !hidden)
        return fail(hidden.error(), kFailed);
    const auto command = parse_command_line(argc, argv);
    if (!command)
        return fail(command.error(), kWrongUse);
    if (const auto* text = std::get_if<PrintText>(&*command)) {
        std::fputs(text->text.c_str(), stdout);
        return 0;
    }
    if (const auto* options = std::get_if<InitOptions>(&*command))
        return init(*options);
    return serve(std::get<ServeOptions>(*command));
}
