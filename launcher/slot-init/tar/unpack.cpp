#include "launcher/slot-init/tar/tar.h"
#include "launcher/slot-init/tar/unpacker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace slipway::slot {

/// The directory that holds the last part of `path`, made as needed; a new descriptor or -1 after a
/// complaint.
int Unpacker::open_parent(const char* path, const char*& name)
{
    int at = ::fcntl(root_, F_DUPFD_CLOEXEC, 3);
    if (path[0] == '/' || path[0] == '\0') {
        (void)fail("the archive has an absolute or an empty name");
        ::close(at);
        return -1;
    }
    for (;;) {
        char part[256];
        const std::size_t size = std::strcspn(path, "/");
        const bool here = size == 0 || (size == 1 && path[0] == '.');
        if ((size == 2 && path[0] == '.' && path[1] == '.') || size >= sizeof part) {
            (void)fail("the archive has a name with .. or with a part that is too long");
            break;
        }
        name = here ? "." : path;
        const char* rest = path + size + std::strspn(path + size, "/");
        if (*rest == '\0')
            return at;
        path = rest;
        if (here)
            continue;
        std::memcpy(part, name, size);
        part[size] = '\0';
        if (::mkdirat(at, part, 0755) != 0 && errno != EEXIST && errno != EROFS) {
            (void)fail("a directory cannot be made", errno);
            break;
        }
        const int next = ::openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            (void)fail("a part of the name is no directory of its own", errno);
            break;
        }
        ::close(at);
        at = next;
    }
    ::close(at);
    return -1;
}

/// Gives the directories that `upto` does not lie in their modes and times, innermost first.
bool Unpacker::settle_directories(const char* upto)
{
    while (open_count_ > 0) {
        const OpenDirectory& top = open_[open_count_ - 1];
        if (upto != nullptr && std::strncmp(upto, open_path_, top.path_size) == 0
            && upto[top.path_size] == '/')
            return true;
        open_path_[top.path_size] = '\0';
        const char* name = nullptr;
        const int parent = open_parent(open_path_, name);
        if (parent < 0)
            return false;
        const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const timespec times[2] = {{0, UTIME_OMIT}, {top.mtime, 0}};
        const bool done = fd >= 0 && ::futimens(fd, times) == 0 && ::fchmod(fd, top.mode) == 0;
        const int error_number = errno;
        ::close(fd);
        ::close(parent);
        if (!done)
            return fail("cannot finish the directory", error_number);
        --open_count_;
    }
    return true;
}

bool Unpacker::make_directory()
{
    const char* name = nullptr;
    const int parent = open_parent(path_, name);
    if (parent < 0)
        return false;
    // The archive's own top directory keeps what the caller gave it.
    const bool top = std::strcmp(name, ".") == 0;
    bool done = top || ::mkdirat(parent, name, 0700) == 0 || errno == EEXIST;
    if (done && !top) {
        const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        done = fd >= 0 && ::fchmod(fd, (mode_ & 07777) | 0700) == 0;
        const int error_number = errno;
        ::close(fd);
        errno = error_number;
    }
    const int error_number = errno;
    ::close(parent);
    if (!done)
        return fail("cannot make the directory", error_number);
    if (!top && open_count_ == sizeof open_ / sizeof open_[0])
        return fail("is nested too deeply");
    if (!top) {
        const std::size_t size = std::strlen(path_);
        std::memcpy(open_path_, path_, size + 1);
        open_[open_count_++] = {size, static_cast<mode_t>(mode_ & 07777), mtime_};
    }
    return skip(size_ + (kTarBlock - size_ % kTarBlock) % kTarBlock);
}

bool Unpacker::make_file(const TarHeader& header)
{
    const char* name = nullptr;
    const int parent = open_parent(path_, name);
    if (parent < 0)
        return false;
    if (::unlinkat(parent, name, 0) != 0 && errno != ENOENT) {
        const int error_number = errno;
        ::close(parent);
        return fail("cannot replace what is there", error_number);
    }
    const timespec times[2] = {{0, UTIME_OMIT}, {mtime_, 0}};
    bool done = true;
    if (header.type == '2') {
        done = ::symlinkat(link_, parent, name) == 0
            && ::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) == 0;
    } else if (header.type == '1') {
        const char* target = nullptr;
        const int from = open_parent(link_, target);
        done = from >= 0 && ::linkat(from, target, parent, name, 0) == 0;
        const int error_number = errno;
        ::close(from);
        errno = error_number;
    } else {
        const int fd = ::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        done = fd >= 0;
        for (std::uint64_t left = size_; done && left > 0;) {
            const std::size_t part = left < sizeof buffer_ ? static_cast<std::size_t>(left) : sizeof buffer_;
            if (!read_exactly(buffer_, part)) {
                ::close(fd);
                ::close(parent);
                return false;
            }
            for (std::size_t at = 0; done && at < part;) {
                const ssize_t count = ::write(fd, buffer_ + at, part - at);
                done = count > 0 || (count < 0 && errno == EINTR);
                at += count > 0 ? static_cast<std::size_t>(count) : 0;
            }
            left -= part;
        }
        done = done && ::futimens(fd, times) == 0 && ::fchmod(fd, static_cast<mode_t>(mode_ & 07777)) == 0;
        const int error_number = errno;
        ::close(fd);
        errno = error_number;
    }
    const int error_number = errno;
    ::close(parent);
    if (!done)
        return fail("cannot be written", error_number);
    return header.type == '1' || header.type == '2' || skip((kTarBlock - size_ % kTarBlock) % kTarBlock);
}

bool Unpacker::entry(const TarHeader& header)
{
    fill_names(header);
    if (!settle_directories(path_))
        return false;
    const bool old_directory = header.name[0] != '\0' && !have_path_
        && header.name[::strnlen(header.name, sizeof header.name) - 1] == '/';
    switch (header.type) {
    case '5':
        return make_directory();
    case '0':
    case '7':
    case '\0':
        return old_directory ? make_directory() : make_file(header);
    case '1':
    case '2':
        return make_file(header);
    default:
        break;
    }
    char what[]
        = "the archive has an entry of type '?': a device, a fifo or another kind that is not unpacked";
    *std::strchr(what, '?') = header.type > ' ' && header.type <= '~' ? header.type : '?';
    return fail(what);
}

bool Unpacker::run()
{
    for (;;) {
        TarHeader header;
        bool end = false;
        bool handled = false;
        if (!read_header(header, end))
            return false;
        if (end)
            break;
        if (!extension(header, handled))
            return false;
        if (handled)
            continue;
        size_ = have_size_ ? pax_size_ : size_;
        mtime_ = have_mtime_ ? pax_mtime_ : mtime_;
        if (!entry(header))
            return false;
        have_path_ = have_link_ = have_size_ = have_mtime_ = false;
        path_[0] = '\0';
    }
    while (::read(in_, buffer_, sizeof buffer_) > 0) { }
    return settle_directories(nullptr);
}

bool unpack_tar(int in, int directory, int err, int& error_number)
{
    ::umask(0);
    alignas(Unpacker) static char place[sizeof(Unpacker)];
    auto* unpacker = new (place) Unpacker{in, directory, err};
    const bool done = unpacker->run();
    error_number = unpacker->error_number();
    return done;
}

} // namespace slipway::slot
