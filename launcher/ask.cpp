#include "launcher/ask.h"

#include "common/clock.h"
#include "launcher/control_socket.h"
#include "launcher/exit_codes.h"
#include "launcher/status_text.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace slipway::launcher {

namespace {

/// Between two looks of `drain --wait`.
constexpr std::chrono::milliseconds kLook{300};
/// So many of them may find nobody, while the launcher is restarted.
constexpr int kRestartLooks = 100;

int fail(const Error& error)
{
    std::fprintf(stderr, "slipway-launcher: %s\n", error.message().c_str());
    return to_int(error.code() == Errc::not_found ? ExitCode::not_running : ExitCode::internal);
}

int print(const std::string& text, ExitCode code = ExitCode::done)
{
    return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? to_int(ExitCode::internal)
                                                                            : to_int(code);
}

/// no-color.org
Paint paint()
{
    const char* no_color = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): there is one thread.
    return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') ? Paint::yes
                                                                                      : Paint::no;
}

int show_status(const std::string& json, bool as_json)
{
    if (as_json)
        return print(json);
    const auto text = status_text(json, paint());
    return text ? print(*text) : fail(text.error());
}

int show_why(const std::string& json)
{
    const auto why = why_text(json, paint());
    if (!why)
        return fail(why.error());
    return print(why->text, why->ready ? ExitCode::done : ExitCode::internal);
}

/// Follows a drain until nothing is held. A launcher that leaves has nothing left when it is gone; one that
/// stays may be restarted meanwhile, and is waited for.
int wait_idle(const std::filesystem::path& directory, bool leaves)
{
    const SystemClock clock;
    std::size_t told = 0;
    int unanswered = 0;
    for (bool first = true;; first = false) {
        const auto json = ask_launcher(directory, {ControlRequest::Do::status});
        const bool gone = !json && json.error().code() == Errc::not_found;
        if (gone && leaves)
            return print("the launcher has ended\n");
        if (gone && ++unanswered <= kRestartLooks) {
            clock.sleep_for(kLook, {});
            continue;
        }
        if (!json)
            return fail(json.error());
        unanswered = 0;
        const auto held = stages_held(*json);
        if (!held)
            return fail(held.error());
        if (*held == 0 && !leaves)
            return print("drained: nothing is held\n");
        if (first || told != *held)
            std::fprintf(stderr, "waiting for %s\n", held_text(*json).value_or("what is held").c_str());
        told = *held;
        clock.sleep_for(kLook, {});
    }
}

int drain(const CommandLine& command_line, const std::filesystem::path& directory)
{
    const bool leaves = command_line.exit;
    const auto json
        = ask_launcher(directory, {leaves ? ControlRequest::Do::leave : ControlRequest::Do::drain});
    if (!json)
        return fail(json.error());
    if (command_line.wait)
        return wait_idle(directory, leaves);
    const auto held = held_text(*json);
    if (!held)
        return fail(held.error());
    return print("draining: nothing more is taken; " + *held + (held->ends_with('s') ? " are" : " is")
        + " held"
        + (leaves ? ", and the launcher ends after that\n"
                  : "; \"slipway-launcher undrain\" takes it back\n"));
}

} // namespace

int ask(const CommandLine& command_line, const std::filesystem::path& state_directory)
{
    if (command_line.action == Action::drain)
        return drain(command_line, state_directory);
    if (command_line.action == Action::stop) {
        const auto told = ask_launcher(state_directory, {ControlRequest::Do::stop, command_line.job});
        return told
            ? print("stopping; the run's log and its cause say that the operator of the worker did it\n")
            : fail(told.error());
    }
    const bool undrain = command_line.action == Action::undrain;
    const auto json
        = ask_launcher(state_directory, {undrain ? ControlRequest::Do::undrain : ControlRequest::Do::status});
    if (!json)
        return fail(json.error());
    if (undrain)
        return print("takes work again\n");
    return command_line.action == Action::why ? show_why(*json) : show_status(*json, command_line.json);
}

} // namespace slipway::launcher
