#include "test/fault/fault_places.h"

#include <signal.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

// fault_tracer MODE SEEN PROGRAM ARGUMENT…
// fault_tracer MODE SEEN --attach PID
//
// Runs PROGRAM, or attaches to the process PID, which has one thread, and, at each place in it that makes a
// system call of the mode's kind, once: kills it before the call (MODE `kill`), or lets the call fail with
// MODE, the name of an errno. MODE/EVERY:SEED: at one of EVERY places, by the number SEED. For places and
// SEEN see FaultPlaces. A program is started again and again, so that every place is met in the end; signals
// are passed on, and the exit code is the program's. A process that was attached to is followed to its end;
// "attached" is said when nothing of it passes unseen any more. Linux on x86-64; ptrace(2), seccomp(2).

namespace {

using namespace slipway::test;

pid_t child = -1;

void pass_on(int signal)
{
    if (child > 0)
        ::kill(child, signal);
}

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "fault_tracer: %s: %s\n", what, std::strerror(errno));
    std::exit(125);
}

/// In the child, up to the exec: no random addresses, a filter that stops at the calls of the mode.
[[noreturn]] void become(char** argv, const Mode& mode)
{
    ::personality(ADDR_NO_RANDOMIZE);
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
        fail("ptrace");
    ::raise(SIGSTOP);
    if (!stop_at(mode))
        fail("seccomp");
    ::execvp(argv[0], argv);
    fail(argv[0]);
}

/// `thread` stands before a call: lets the fault happen when it is this place's turn.
void at_call(const Mode& mode, FaultPlaces& places, pid_t thread)
{
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0
        || !places.has_turn(child, thread, registers))
        return;
    if (mode.failure == 0) {
        ::kill(child, SIGKILL);
        return;
    }
    registers.orig_rax = static_cast<unsigned long long>(-1); // skips the call
    registers.rax = static_cast<unsigned long long>(-static_cast<long long>(mode.failure));
    ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

int follow(const Mode& mode, FaultPlaces& places)
{
    for (;;) {
        int status = 0;
        const pid_t thread = ::waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR)
            continue;
        if (thread < 0)
            fail("waitpid");
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == child)
                return exit_code(status);
            continue;
        }
        const int event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP)
            at_call(mode, places, thread);
        // New threads begin with a stop of ours; every other signal is the program's.
        const int signal = event != 0 || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
        ::ptrace(PTRACE_CONT, thread, nullptr, static_cast<std::uintptr_t>(signal));
    }
}

int run(const Mode& mode, FaultPlaces& places, char** argv)
{
    child = ::fork();
    if (child == 0)
        become(argv, mode);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2})
        ::signal(signal, pass_on);
    int status = 0;
    if (::waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status))
        fail("starting the program");
    constexpr int kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE
        | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
    if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions) != 0
        || ::ptrace(PTRACE_CONT, child, nullptr, nullptr) != 0)
        fail("ptrace");
    return follow(mode, places);
}

/// A filter can be put into a process by itself alone: this one stops at each of its calls.
int attach(const Mode& mode, FaultPlaces& places, pid_t pid)
{
    child = pid;
    if (::ptrace(PTRACE_SEIZE, child, nullptr, PTRACE_O_TRACESYSGOOD) != 0
        || ::ptrace(PTRACE_INTERRUPT, child, nullptr, nullptr) != 0)
        fail("attaching");
    for (bool said = false;; said = true) {
        int status = 0;
        const pid_t thread = ::waitpid(child, &status, __WALL);
        if (thread < 0 && errno == EINTR)
            continue;
        if (thread < 0)
            fail("waitpid");
        if (!WIFSTOPPED(status))
            return exit_code(status);
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) {
            __ptrace_syscall_info info{};
            ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                at_call(mode, places, child);
            signal = 0;
        } else if (status >> 16 != 0) {
            signal = 0;
        }
        ::ptrace(PTRACE_SYSCALL, child, nullptr, static_cast<std::uintptr_t>(signal));
        if (!said && std::puts("attached") >= 0)
            (void)std::fflush(stdout);
    }
}

/// Of "MODE/EVERY:SEED" what stands behind the stroke.
Sample sample_of(std::string_view text)
{
    Sample sample;
    const auto stroke = text.find('/');
    if (stroke != std::string_view::npos
        && (std::sscanf(text.data() + stroke, "/%u:%u", &sample.every, &sample.seed) != 2
            || sample.every == 0))
        fail("EVERY:SEED");
    return sample;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view words = argc > 3 ? argv[1] : "";
    const auto* mode = find_mode(words.substr(0, words.find('/')));
    if (mode == nullptr) {
        std::fprintf(
            stderr, "usage: fault_tracer kill|ERRNO[/EVERY:SEED] SEEN PROGRAM ARGUMENT…|--attach PID\n");
        return 125;
    }
    const bool attaches = argc == 5 && std::string_view{argv[3]} == "--attach";
    FaultPlaces places{*mode, sample_of(words), attaches ? Unwind::stack : Unwind::frames, argv[2]};
    return attaches ? attach(*mode, places, std::atoi(argv[4])) : run(*mode, places, argv + 3);
}
