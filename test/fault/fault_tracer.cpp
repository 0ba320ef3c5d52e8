#include "test/fault/traced_calls.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// fault_tracer MODE SEEN PROGRAM ARGUMENT…
//
// Runs PROGRAM and, at each place in it that makes a system call of the mode's kind, once: kills it before
// the call (MODE `kill`), or lets the call fail with MODE, the name of an errno. A place is a call, what it
// is made on, and the calls in PROGRAM that led there; those that had their turn are lines of the file SEEN,
// so that a program that is started again and again meets every place in the end. Signals are passed on; the
// exit code is PROGRAM's. Linux on x86-64; ptrace(2), seccomp(2).

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

/// Where the program's own code lies.
struct Text {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] bool holds(std::uint64_t address) const { return address >= begin && address < end; }
};

Text text_of(pid_t pid)
{
    std::array<char, 4096> path{};
    const std::string proc = "/proc/" + std::to_string(pid);
    if (::readlink((proc + "/exe").c_str(), path.data(), path.size() - 1) <= 0)
        return {};
    Text text;
    std::ifstream maps{proc + "/maps"};
    for (std::string line; std::getline(maps, line);) {
        if (!line.ends_with(path.data()) || line.find(" r-xp ") == std::string::npos)
            continue;
        unsigned long long begin = 0;
        unsigned long long end = 0;
        if (std::sscanf(line.c_str(), "%llx-%llx", &begin, &end) == 2)
            text = {begin, end};
    }
    return text;
}

/// The program's own return addresses above the call, as far as frame pointers lead.
std::string callers(pid_t thread, const user_regs_struct& registers, const Text& text)
{
    constexpr int kMost = 24;
    std::string chain;
    std::uint64_t frame = registers.rbp;
    for (int depth = 0; depth < kMost; ++depth) {
        std::array<std::uint64_t, 2> words{};
        iovec to{words.data(), sizeof words};
        iovec from{reinterpret_cast<void*>(frame), sizeof words};
        if (frame % 8 != 0 || ::process_vm_readv(thread, &to, 1, &from, 1, 0) != sizeof words)
            break;
        if (text.holds(words[1])) {
            std::ostringstream address;
            address << std::hex << (words[1] - text.begin);
            chain += ' ' + address.str();
        }
        if (words[0] <= frame)
            break;
        frame = words[0];
    }
    return chain;
}

class Tracer {
public:
    Tracer(const Mode& mode, std::string seen_file)
        : mode_{mode}
        , seen_file_{std::move(seen_file)}
    {
        std::ifstream seen{seen_file_};
        for (std::string line; std::getline(seen, line);)
            seen_.insert(line);
    }

    /// At a call of the mode's kind: whether the program is to go on.
    bool at_call(pid_t thread)
    {
        user_regs_struct registers{};
        if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0)
            return true;
        const auto what = name_of(mode_, thread, registers);
        if (!what || !of_program(thread))
            return true;
        if (text_.end == 0)
            text_ = text_of(child);
        const auto place = callers(thread, registers, text_);
        begun_ = begun_ || !place.empty();
        if (!begun_ || !seen_.insert(*what + place).second)
            return true;
        std::ofstream{seen_file_, std::ios::app} << *what << place << '\n';
        if (mode_.failure == 0)
            return false;
        registers.orig_rax = static_cast<unsigned long long>(-1); // skips the call
        registers.rax = static_cast<unsigned long long>(-static_cast<long long>(mode_.failure));
        ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
        return true;
    }

private:
    /// Not of a program that it started.
    static bool of_program(pid_t thread)
    {
        return ::access(("/proc/" + std::to_string(child) + "/task/" + std::to_string(thread)).c_str(), F_OK)
            == 0;
    }

    const Mode& mode_;
    std::string seen_file_;
    std::set<std::string> seen_;
    Text text_;
    bool begun_ = false; ///< The loader is done.
};

int follow(Tracer& tracer)
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
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        const int event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP && !tracer.at_call(thread)) {
            ::kill(child, SIGKILL);
            continue;
        }
        // New threads begin with a stop of ours; every other signal is the program's.
        const int signal = event != 0 || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
        ::ptrace(PTRACE_CONT, thread, nullptr, static_cast<std::uintptr_t>(signal));
    }
}

} // namespace

int main(int argc, char** argv)
{
    const auto* mode = argc > 3 ? find_mode(argv[1]) : nullptr;
    if (mode == nullptr) {
        std::fprintf(stderr, "usage: fault_tracer kill|ERRNO SEEN PROGRAM ARGUMENT…\n");
        return 125;
    }
    child = ::fork();
    if (child == 0)
        become(argv + 3, *mode);
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
    Tracer tracer{*mode, argv[2]};
    return follow(tracer);
}
