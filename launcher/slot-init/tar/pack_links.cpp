#include "launcher/slot-init/tar/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstring>

/// What becomes of symbolic links.
namespace slipway::slot {

namespace {

constexpr long kProc = 0x9fa0; // linux/magic.h
constexpr long kSys = 0x62656572;

} // namespace

/// /proc and /sys are everywhere, and nobody's files.
bool Packer::is_kernels(int fd)
{
    struct statfs info { };

    return ::fstatfs(fd, &info) == 0 && (info.f_type == kProc || info.f_type == kSys);
}

/// The path of an open file, without any link in it.
bool Packer::path_of(int fd, char (&path)[kMaxPath])
{
    char name[32] = "/proc/self/fd/";
    std::size_t at = std::strlen(name);
    char digits[12];
    std::size_t count = 0;
    for (int left = fd; count == 0 || left > 0; left /= 10)
        digits[count++] = static_cast<char>('0' + left % 10);
    while (count > 0)
        name[at++] = digits[--count];
    name[at] = '\0';
    const ssize_t size = ::readlink(name, path, sizeof path - 1);
    path[size > 0 ? size : 0] = '\0';
    return size > 0;
}

const Packer::Open* Packer::open_as(const struct stat& info) const
{
    for (int i = 0; i < depth_; ++i)
        if (open_[i].device == info.st_dev && open_[i].inode == info.st_ino)
            return &open_[i];
    return nullptr;
}

/// A link to a place by its absolute path: `directory`, and the begin of `rest` in it.
bool Packer::link_to(const struct stat& info, const char* directory, const char* rest, std::size_t rest_size)
{
    const std::size_t size = std::strlen(directory);
    if (size + rest_size + 2 > sizeof link_)
        return fail("leads to a name that is too long", 0);
    std::memmove(link_, directory, size);
    link_[size] = '\0';
    if (rest_size > 0) {
        link_[size] = '/';
        std::memcpy(link_ + size + 1, rest, rest_size);
        link_[size + 1 + rest_size] = '\0';
        if (link_[size + rest_size] == '/')
            link_[size + rest_size] = '\0';
    }
    struct stat as_link = info;
    as_link.st_mode = 0777;
    return header(as_link, '2', 0, link_);
}

/// Whether the text of a link that leads to somewhere in the directory does so where it is unpacked: nothing
/// outside of the directory is on its way.
bool Packer::link_stays(std::size_t path_size) const
{
    const std::size_t root_size = std::strlen(root_);
    if (link_[0] == '/')
        return std::strncmp(link_, root_, root_size) == 0
            && (link_[root_size] == '/' || link_[root_size] == '\0');
    std::size_t depth = 0;
    for (std::size_t i = 0; i < path_size; ++i)
        depth += path_[i] == '/' ? 1U : 0U;
    std::size_t up = 0;
    for (const char* at = link_; std::strncmp(at, "../", 3) == 0 || std::strcmp(at, "..") == 0; at += 2) {
        ++up;
        if (at[2] == '\0')
            break;
        at += std::strspn(at + 2, "/");
    }
    return up <= depth;
}

bool Packer::link(int parent, const char* name, const struct stat& info, std::size_t path_size)
{
    const ssize_t size = ::readlinkat(parent, name, link_, sizeof link_ - 1);
    if (size < 0)
        return errno == ENOENT || fail("cannot be read", errno);
    link_[size] = '\0';
    const int place = ::openat(parent, name, O_PATH | O_CLOEXEC);
    if (place < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return header(info, '2', 0, link_);

    struct stat to { };

    if (place < 0 || ::fstat(place, &to) != 0 || !path_of(place, target_)) {
        const int error_number = errno;
        ::close(place);
        return fail("is a link, and what it leads to cannot be read", error_number);
    }
    const bool special = (!S_ISREG(to.st_mode) && !S_ISDIR(to.st_mode)) || is_kernels(place);
    ::close(place);
    if (special)
        return header(info, '2', 0, link_);
    const std::size_t root_size = std::strlen(root_);
    const bool inside = std::strncmp(target_, root_, root_size) == 0
        && (target_[root_size] == '/' || target_[root_size] == '\0');
    if (inside && outside_ == 0 && link_stays(path_size))
        return header(info, '2', 0, link_);
    if (inside)
        return link_to(info, target_, "", 0);
    if (const Open* again = S_ISDIR(to.st_mode) ? open_as(to) : nullptr)
        return link_to(info, root_, path_, again->path_size);
    return follow(parent, name, to, path_size);
}

bool Packer::follow(int parent, const char* name, const struct stat& info, std::size_t path_size)
{
    const int fd = ::openat(parent, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    struct stat now { };

    if (fd < 0 || ::fstat(fd, &now) != 0) {
        const int error_number = errno;
        ::close(fd);
        return fail(
            "is a link that leads out of the workspace, and what it leads to cannot be read", error_number);
    }
    ++outside_;
    const bool same = now.st_dev == info.st_dev && now.st_ino == info.st_ino;
    const bool done = same ? tree(fd, now, path_size) : fail("is a link that was changed meanwhile", 0);
    --outside_;
    ::close(fd);
    return done;
}

} // namespace slipway::slot
