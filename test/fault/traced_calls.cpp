#include "test/fault/traced_calls.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace slipway::test {

namespace {

constexpr std::array<Mode, 6> kModes{{{"kill", 0}, {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EMFILE", EMFILE},
    {"ENOMEM", ENOMEM}, {"EINTR", EINTR}}};

/// What a call is made on.
enum class Object : unsigned char { descriptor, path, path_at, none };

/// The modes in which a call has its turn, as a set.
enum Turn : unsigned char {
    kKill = 1, ///< It changes something outside of the process.
    kNoSpace = 2,
    kIo = 4,
    kNoFile = 8,
    kNoMemory = 16,
    kInterrupted = 32,
};

struct Call {
    long number;
    std::string_view name;
    Object object;
    unsigned turns;
};

constexpr std::array kCalls{
    Call{SYS_openat, "openat", Object::path_at, kKill | kNoSpace | kIo | kNoFile | kNoMemory | kInterrupted},
    Call{SYS_mkdir, "mkdir", Object::path, kKill | kNoSpace | kIo | kNoMemory},
    Call{SYS_mkdirat, "mkdirat", Object::path_at, kKill | kNoSpace | kIo | kNoMemory},
    Call{SYS_rmdir, "rmdir", Object::path, kKill | kIo},
    Call{SYS_unlink, "unlink", Object::path, kKill | kIo},
    Call{SYS_unlinkat, "unlinkat", Object::path_at, kKill | kIo},
    Call{SYS_rename, "rename", Object::path, kKill | kNoSpace | kIo},
    Call{SYS_renameat, "renameat", Object::path_at, kKill | kNoSpace | kIo},
    Call{SYS_link, "link", Object::path, kKill | kNoSpace | kIo},
    Call{SYS_symlink, "symlink", Object::path, kKill | kNoSpace | kIo},
    Call{SYS_chmod, "chmod", Object::path, kKill | kIo},
    Call{SYS_fchmod, "fchmod", Object::descriptor, kKill | kIo},
    Call{SYS_ftruncate, "ftruncate", Object::descriptor, kKill | kIo},
    Call{SYS_fallocate, "fallocate", Object::descriptor, kKill | kNoSpace},
    Call{SYS_fsync, "fsync", Object::descriptor, kKill | kIo | kNoSpace},
    Call{SYS_fdatasync, "fdatasync", Object::descriptor, kKill | kIo | kNoSpace},
    Call{SYS_syncfs, "syncfs", Object::descriptor, kKill | kIo},
    Call{SYS_write, "write", Object::descriptor, kKill | kNoSpace | kIo | kInterrupted},
    Call{SYS_pwrite64, "pwrite", Object::descriptor, kKill | kNoSpace | kIo | kInterrupted},
    Call{SYS_writev, "writev", Object::descriptor, kKill | kNoSpace | kIo | kInterrupted},
    Call{SYS_sendto, "sendto", Object::descriptor, kKill | kNoMemory | kInterrupted},
    Call{SYS_sendmsg, "sendmsg", Object::descriptor, kKill | kNoMemory | kInterrupted},
    Call{SYS_clone, "clone", Object::none, kKill | kNoMemory},
    Call{SYS_kill, "kill", Object::none, kKill},
    Call{SYS_setpgid, "setpgid", Object::none, kKill},
    Call{SYS_read, "read", Object::descriptor, kIo | kInterrupted},
    Call{SYS_readv, "readv", Object::descriptor, kNoMemory | kInterrupted},
    Call{SYS_pread64, "pread", Object::descriptor, kIo | kInterrupted},
    Call{SYS_recvfrom, "recvfrom", Object::descriptor, kNoMemory | kInterrupted},
    Call{SYS_recvmsg, "recvmsg", Object::descriptor, kNoMemory | kInterrupted},
    Call{SYS_connect, "connect", Object::descriptor, kKill | kInterrupted},
    Call{SYS_bind, "bind", Object::descriptor, kKill | kNoSpace | kNoMemory},
    Call{SYS_listen, "listen", Object::descriptor, kKill},
    Call{SYS_shutdown, "shutdown", Object::descriptor, kKill},
    Call{SYS_accept4, "accept4", Object::descriptor, kKill | kNoFile | kNoMemory | kInterrupted},
    Call{SYS_socket, "socket", Object::none, kNoFile | kNoMemory},
    Call{SYS_pipe2, "pipe2", Object::none, kNoFile},
    Call{SYS_eventfd2, "eventfd2", Object::none, kNoFile | kNoMemory},
    Call{SYS_epoll_create1, "epoll_create1", Object::none, kNoFile | kNoMemory},
    Call{SYS_poll, "poll", Object::none, kInterrupted | kNoMemory},
    Call{SYS_epoll_wait, "epoll_wait", Object::none, kInterrupted},
};

unsigned turn_of(const Mode& mode)
{
    switch (mode.failure) {
    case ENOSPC:
        return kNoSpace;
    case EIO:
        return kIo;
    case EMFILE:
        return kNoFile;
    case ENOMEM:
        return kNoMemory;
    case EINTR:
        return kInterrupted;
    default:
        return kKill;
    }
}

/// The last part of a name, ids and numbers in it replaced.
std::string stable(std::string_view path)
{
    std::string name;
    std::string word;
    const auto end_word = [&] {
        const bool varies
            = std::ranges::any_of(word, [](unsigned char byte) { return std::isdigit(byte) != 0; });
        name += varies ? "#" : word;
        word.clear();
    };
    for (const char byte : path.substr(path.find_last_of('/') + 1)) {
        if (std::isalnum(static_cast<unsigned char>(byte)) != 0) {
            word += byte;
            continue;
        }
        end_word();
        name += byte;
    }
    end_word();
    return name;
}

std::string link_of(pid_t thread, long long descriptor)
{
    std::array<char, 4096> target{};
    const auto size
        = ::readlink(("/proc/" + std::to_string(thread) + "/fd/" + std::to_string(descriptor)).c_str(),
            target.data(), target.size() - 1);
    return size <= 0 ? std::string{} : std::string{target.data(), static_cast<std::size_t>(size)};
}

std::string text_at(pid_t thread, unsigned long long address)
{
    std::array<char, 256> bytes{};
    iovec to{bytes.data(), bytes.size() - 1};
    iovec from{reinterpret_cast<void*>(address), bytes.size() - 1};
    (void)::process_vm_readv(thread, &to, 1, &from, 1, 0);
    return bytes.data();
}

/// A regular file's name, else the kind of the object: "socket", "pipe", "eventfd".
std::string object_of(const std::string& target)
{
    if (target.starts_with('/'))
        return "file " + stable(target);
    return target.substr(0, target.find(":["));
}

bool is_file_mode(const Mode& mode) { return mode.failure == ENOSPC || mode.failure == EIO; }

} // namespace

const Mode* find_mode(std::string_view name)
{
    const auto* mode = std::ranges::find(kModes, name, &Mode::name);
    return mode == kModes.end() ? nullptr : mode;
}

bool stop_at(const Mode& mode)
{
    std::vector<sock_filter> program{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    };
    for (const auto& call : kCalls) {
        if ((call.turns & turn_of(mode)) == 0)
            continue;
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call.number), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

std::optional<std::string> name_of(const Mode& mode, pid_t thread, const user_regs_struct& registers)
{
    const auto* call = std::ranges::find(kCalls, static_cast<long>(registers.orig_rax), &Call::number);
    if (call == kCalls.end() || (call->turns & turn_of(mode)) == 0)
        return std::nullopt;
    const std::string name{call->name};
    switch (call->object) {
    case Object::none:
        return name;
    case Object::path:
        return name + " " + stable(text_at(thread, registers.rdi));
    case Object::path_at:
        if (call->number == SYS_openat && (registers.rdx & (O_CREAT | O_TRUNC)) == 0
            && (mode.failure == 0 || mode.failure == ENOSPC))
            return std::nullopt; // changes nothing
        return name + " " + stable(text_at(thread, registers.rsi));
    case Object::descriptor:
        break;
    }
    const auto target = link_of(thread, static_cast<long long>(registers.rdi));
    // What it says to people is not its state; the dead file "(deleted)" is no file of anyone.
    if (static_cast<int>(registers.rdi) == 1 || static_cast<int>(registers.rdi) == 2)
        return std::nullopt;
    if (is_file_mode(mode) && !target.starts_with('/'))
        return std::nullopt; // such a failure comes from a disk
    if (mode.failure == 0 && (target.starts_with("anon_inode") || target.starts_with("pipe")))
        return std::nullopt; // nobody outside sees it
    return name + " " + object_of(target);
}

} // namespace slipway::test
