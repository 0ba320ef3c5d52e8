// slot-init's side of the link: any frames of a launcher, by the socket or coded as on stdin. PID 1's own
// sources are compiled into this file with nothing behind fork(2), kill(2) and _exit(2).
#include "launcher/slot-init/exec/child.h"
#include "launcher/slot/cobs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

namespace {

struct Left { };

pid_t fuzz_fork() { return 1'000'000'000; }

int fuzz_kill(pid_t, int) { return 0; }

int fuzz_setpgid(pid_t, pid_t) { return 0; }

[[noreturn]] void fuzz_exit(int) { throw Left{}; }

} // namespace

namespace slipway::slot {

// Of children only, which are never made here.
void execute(char*, std::size_t, int, bool&) { std::abort(); }

void move_files(bool, const char*, std::size_t, int, int) { std::abort(); }

} // namespace slipway::slot

#define fork fuzz_fork
#define kill fuzz_kill
#define setpgid fuzz_setpgid
#define _exit fuzz_exit
#include "launcher/slot-init/link.cpp"
#include "launcher/slot-init/slot_init.cpp"
#include "launcher/slot-init/stdio.cpp"
#include "launcher/slot-init/transfer.cpp"
#undef fork
#undef kill
#undef setpgid
#undef _exit

namespace slipway::slot {

struct SlotInitFuzz {
    static void check(const SlotInit& init)
    {
        if (init.ring_.begin > init.ring_.end || init.ring_.used() > kOutputWindow
            || init.sent_ > init.ring_.end || init.put_.begin > init.put_.end || init.put_.used() > kPutWindow
            || init.rx_used_ > sizeof init.in_ || init.transfer_.text_size > kMaxText
            || init.tx_used_ > sizeof init.tx_)
            std::abort();
    }

    static void feed(SlotInit& init, bool stdio, std::string_view bytes)
    {
        (void)::signal(SIGPIPE, SIG_IGN);
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
            return;
        init.socket_path_ = stdio ? nullptr : "/nowhere/s";
        init.link_ = ends[0];
        init.ready_sent_ = true;
        static bool not_executed = false;
        init.not_executed_ = &not_executed;
        init.now_ = 1000;
        try {
            while (!bytes.empty() && init.link_ == ends[0]) {
                const auto count = ::send(ends[1], bytes.data(), bytes.size(), MSG_NOSIGNAL);
                if (count > 0)
                    bytes.remove_prefix(static_cast<std::size_t>(count));
                init.read_link();
                ++init.now_;
                if (init.transfer_.id != 0)
                    init.pump_transfer();
                check(init);
                // What it would say; on stdin and stdout it would say it on the fuzzer's own.
                char said[65536];
                if (!stdio && init.link_ == ends[0]) {
                    init.write_link();
                    while (::recv(ends[1], said, sizeof said, 0) > 0) { }
                } else {
                    init.tx_used_ = init.tx_sent_ = 0;
                    (void)init.compose();
                }
                check(init);
            }
        } catch (const Left&) {
        }
        if (init.link_ != ends[0])
            ends[0] = -1;
        close_fd(ends[0]);
        close_fd(ends[1]);
        close_fd(init.output_);
        close_fd(init.job_end_);
        close_fd(init.transfer_.data);
        close_fd(init.transfer_.text_pipe);
    }
};

} // namespace slipway::slot

/// The first byte: an odd one is for stdin, two in four as they are, else as the sender codes them; from bit
/// 2 on the greeting comes first.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::slot;
    if (size == 0)
        return 0;
    const bool stdio = (data[0] & 1U) != 0;
    const bool coded = stdio && (data[0] & 2U) != 0;
    std::string stream;
    const auto add = [&](std::string_view frame) {
        if (stdio)
            append_cobs(stream, frame);
        else
            stream += frame;
    };
    if ((data[0] & 4U) != 0) {
        struct {
            FrameHeader header{sizeof(HelloFrame), FrameType::hello};
            HelloFrame hello{};
        } greeting;

        add({reinterpret_cast<const char*>(&greeting), sizeof greeting});
    }
    const std::string_view rest{reinterpret_cast<const char*>(data) + 1, size - 1};
    if (coded)
        add(rest);
    else
        stream += rest;
    alignas(SlotInit) static char place[sizeof(SlotInit)];
    SlotInitFuzz::feed(*new (place) SlotInit, stdio, stream);
    return 0;
}
