// One program, many attacks: what a hostile job tries against its slot. Each prints "DEFEATED" and why when
// it was refused, or "SUCCEEDED" when it was not.
#include "launcher/slot-init/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

using namespace slipway::slot;

int verdict(bool succeeded, const char* what)
{
    std::printf("%s: %s: %s\n", succeeded ? "SUCCEEDED" : "DEFEATED", what, std::strerror(errno));
    std::fflush(stdout);
    return succeeded ? 1 : 0;
}

int memory()
{
    const int fd = ::open("/proc/1/mem", O_RDWR);
    int broken = verdict(fd >= 0, "open /proc/1/mem");
    broken += verdict(::open("/proc/1/environ", O_RDONLY) >= 0, "open /proc/1/environ");
    broken += verdict(::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr) == 0, "ptrace PID 1");
    broken += verdict(::open("/proc/1/fd/0", O_RDWR) >= 0, "open /proc/1/fd/0");
    return broken;
}

/// What was inherited by accident, and what a way into PID 1 would be.
int descriptors()
{
    int broken = 0;
    for (int fd = 3; fd < 256; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0)
            broken += verdict(true, "an inherited descriptor");
    for (int fd = 0; fd < 16; ++fd) {
        const std::string path = "/proc/1/fd/" + std::to_string(fd);
        broken += verdict(::open(path.c_str(), O_RDONLY | O_NONBLOCK) >= 0, "read PID 1's descriptor");
        broken += verdict(::open(path.c_str(), O_WRONLY | O_NONBLOCK) >= 0, "write PID 1's descriptor");
    }

    struct stat own { };

    struct stat first { };

    // Its output is a pipe of its own and not the container's.
    const bool shared
        = ::stat("/proc/1/fd/1", &first) == 0 && ::fstat(1, &own) == 0 && first.st_ino == own.st_ino;
    return broken + verdict(shared, "share PID 1's output");
}

int plant()
{
    int broken = verdict(::symlink("/etc/shadow", "/.slipway/status") == 0, "symlink");
    broken += verdict(::mknod("/.slipway/node", S_IFBLK | 0666, makedev(8, 0)) == 0, "mknod");
    broken += verdict(::open("/.slipway/file", O_WRONLY | O_CREAT, 0666) >= 0, "create");
    broken += verdict(::open("/.slipway/slot-init", O_WRONLY) >= 0, "write slot-init");
    broken += verdict(::unlink("/.slipway/s") == 0, "unlink the socket");
    broken += verdict(::chmod("/.slipway/s", 0) == 0, "chmod the socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/.slipway/planted");
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    broken
        += verdict(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind a socket");
    return broken;
}

int connect_slot()
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/.slipway/s");
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        return fd;
    ::close(fd);
    return -1;
}

/// Sends `ready` with a guessed key and an exit of run 1 with code 0.
void forge(int fd)
{
    struct {
        FrameHeader ready_header{sizeof(ReadyFrame), FrameType::ready};
        ReadyFrame ready{};
        FrameHeader exit_header{sizeof(ExitedFrame), FrameType::exited};
        ExitedFrame exit{};
    } frames;

    frames.ready.version = kProtocolVersion;
    frames.ready.last_seq = 0;
    frames.exit.seq = 1;
    (void)!::send(fd, &frames, sizeof frames, MSG_NOSIGNAL);
}

/// For `argument` seconds: keeps connecting and sending forged or no frames. Then exits with 7.
int flood_socket(int seconds)
{
    std::printf("flooding\n");
    std::fflush(stdout);
    const auto end = ::time(nullptr) + seconds;
    int held[64];
    for (int& fd : held)
        fd = -1;
    for (unsigned i = 0; ::time(nullptr) < end; ++i) {
        int& fd = held[i % 64];
        if (fd >= 0)
            ::close(fd);
        fd = connect_slot();
        if (fd >= 0 && i % 2 == 0)
            forge(fd);
        char answer[64];
        if (fd >= 0 && ::recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
            std::printf("SUCCEEDED: the launcher answered\n");
        if (fd < 0)
            ::usleep(2000);
    }
    std::printf("flooded\n");
    return 7;
}

int hold_output()
{
    if (::fork() == 0) {
        ::setsid();
        for (;;)
            ::pause();
    }
    std::printf("main is done\n");
    return 3;
}

/// The leader ends; what it leaves behind writes for ever.
int hold_flood()
{
    if (::fork() == 0) {
        ::setsid();
        static char bytes[64 * 1024];
        std::memset(bytes, 'f', sizeof bytes);
        for (;;)
            (void)!::write(1, bytes, sizeof bytes);
    }
    return 3;
}

volatile sig_atomic_t interrupted = 0;

/// A process of the leader's group that saves its state for `seconds` when it is interrupted. The leader
/// itself ends at once: by the same signal when it `waits`, else before it.
int save_on_interrupt(int seconds, bool waits)
{
    (void)::signal(SIGINT, [](int) { interrupted = 1; });
    sigset_t mask;
    sigset_t before;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    (void)::sigprocmask(SIG_BLOCK, &mask, &before);
    if (::fork() == 0) {
        while (!waits && ::getppid() != 1)
            ::usleep(1000);
        (void)!::write(1, "up\n", 3);
        while (interrupted == 0)
            (void)::sigsuspend(&before);
        for (const auto end = ::time(nullptr) + seconds; ::time(nullptr) < end;)
            ::usleep(50'000);
        (void)!::write(1, "saved\n", 6);
        return 0;
    }
    while (waits && interrupted == 0)
        (void)::sigsuspend(&before);
    return 3;
}

int fork_bomb()
{
    int made = 0;
    for (int i = 0; i < 5000; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0)
            for (;;)
                ::pause();
        made += pid > 0 ? 1 : 0;
    }
    std::printf("made %d\n", made);
    return 4;
}

int nonblock()
{
    ::fcntl(1, F_SETFL, ::fcntl(1, F_GETFL) | O_NONBLOCK);
    std::printf("set\n");
    std::fflush(stdout);
    // The next program on this pipe writes more than the pipe and slot-init hold.
    return ::system(
               "i=0; while [ $i -lt 40000 ]; do echo a line of some forty bytes, number $i; i=$((i+1)); done")
            == 0
        ? 0
        : 9;
}

int log_flood(long megabytes)
{
    static char bytes[64 * 1024];
    std::memset(bytes, 'f', sizeof bytes);
    for (long i = 0; i < megabytes * 16; ++i)
        for (std::size_t at = 0; at < sizeof bytes;) {
            const ssize_t count = ::write(1, bytes + at, sizeof bytes - at);
            if (count <= 0)
                return 1;
            at += static_cast<std::size_t>(count);
        }
    return 5;
}

int signals()
{
    int broken = 0;
    for (const int number : {SIGSTOP, SIGKILL, SIGINT, SIGUSR1, SIGSEGV, SIGHUP, SIGTERM, SIGCHLD})
        (void)::kill(1, number);
    std::printf("PID 1 was signalled\n");
    return broken;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string what = argc > 1 ? argv[1] : "";
    const int argument = argc > 2 ? std::atoi(argv[2]) : 0;
    if (what == "memory")
        return memory();
    if (what == "descriptors")
        return descriptors();
    if (what == "plant")
        return plant();
    if (what == "connect")
        return verdict(connect_slot() >= 0, "connect while the slot is connected");
    if (what == "flood-socket")
        return flood_socket(argument);
    if (what == "hold")
        return hold_output();
    if (what == "hold-flood")
        return hold_flood();
    if (what == "wrapper")
        return save_on_interrupt(argument, true);
    if (what == "orphan")
        return save_on_interrupt(argument, false);
    if (what == "fork")
        return fork_bomb();
    if (what == "nonblock")
        return nonblock();
    if (what == "flood")
        return log_flood(argument);
    if (what == "signals")
        return signals();
    return 64;
}
