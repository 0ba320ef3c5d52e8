#include "launcher/slot-init/tar/packer.h"
#include "launcher/slot-init/tar/tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace slipway::slot {

namespace {

constexpr char kZeroes[2 * kTarBlock] = {};

void octal(char* field, std::size_t width, std::uint64_t value)
{
    for (std::size_t i = width - 1; i-- > 0; value >>= 3)
        field[i] = static_cast<char>('0' + (value & 7));
}

/// "length key=value\n", where the length counts itself.
std::size_t pax_record(char* to, const char* key, const char* value)
{
    const std::size_t rest = std::strlen(key) + std::strlen(value) + 3;
    std::size_t digits = 1;
    for (std::size_t limit = 10; rest + digits >= limit; limit *= 10)
        ++digits;
    std::size_t number = rest + digits;
    for (std::size_t i = digits; i-- > 0; number /= 10)
        to[i] = static_cast<char>('0' + number % 10);
    char* at = to + digits;
    *at++ = ' ';
    at = ::stpcpy(at, key);
    *at++ = '=';
    at = ::stpcpy(at, value);
    *at++ = '\n';
    return static_cast<std::size_t>(at - to);
}

} // namespace

bool Packer::write(const char* bytes, std::size_t size)
{
    while (size > 0) {
        const ssize_t count = ::write(out_, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail("the archive cannot be handed over", errno);
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

bool Packer::pad(std::uint64_t size) { return write(kZeroes, (kTarBlock - size % kTarBlock) % kTarBlock); }

bool Packer::finish() { return write(kZeroes, sizeof kZeroes); }

bool Packer::block(const char* name, const char* link, const struct stat& info, char type, std::uint64_t size)
{
    TarHeader block{};
    std::memcpy(block.name, name, ::strnlen(name, sizeof block.name));
    std::memcpy(block.link, link, ::strnlen(link, sizeof block.link));
    octal(block.mode, sizeof block.mode, info.st_mode & 07777);
    octal(block.uid, sizeof block.uid, 0);
    octal(block.gid, sizeof block.gid, 0);
    octal(block.size, sizeof block.size, size);
    octal(block.mtime, sizeof block.mtime,
        info.st_mtim.tv_sec > 0 ? static_cast<std::uint64_t>(info.st_mtim.tv_sec) : 0);
    block.type = type;
    std::memcpy(block.magic, "ustar", 6);
    std::memcpy(block.version, "00", 2);
    octal(block.checksum, sizeof block.checksum - 1, tar_checksum(block));
    block.checksum[7] = ' ';
    return write(reinterpret_cast<const char*>(&block), sizeof block);
}

bool Packer::pax(const struct stat& info, std::uint64_t size, const char* link)
{
    std::size_t used = 0;
    if (std::strlen(path_) > sizeof TarHeader::name)
        used += pax_record(records_ + used, "path", path_);
    if (std::strlen(link) > sizeof TarHeader::link)
        used += pax_record(records_ + used, "linkpath", link);
    if (size >> 33 != 0) {
        char digits[24] = {};
        std::size_t at = sizeof digits - 1;
        for (std::uint64_t left = size; left > 0; left /= 10)
            digits[--at] = static_cast<char>('0' + left % 10);
        used += pax_record(records_ + used, "size", digits + at);
    }
    return used == 0 || (block("pax", "", info, 'x', used) && write(records_, used) && pad(used));
}

bool Packer::header(const struct stat& info, char type, std::uint64_t size, const char* link)
{
    if (outside_ > 0) {
        if (size + kTarBlock > left_)
            return fail(
                "is behind a link that leads out of the workspace, and there are more than 4 GiB behind "
                "such links: remove the link, or put less there",
                0);
        left_ -= size + kTarBlock;
    }
    return pax(info, size, link) && block(path_, link, info, type, size >> 33 != 0 ? 0 : size);
}

bool Packer::contents(int fd, const struct stat& info)
{
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (!header(info, '0', size, ""))
        return false;
    bool ended = false;
    for (std::uint64_t left = size; left > 0;) {
        const std::size_t want = left < sizeof buffer_ ? static_cast<std::size_t>(left) : sizeof buffer_;
        ssize_t count = ended ? 0 : ::read(fd, buffer_, want);
        if (count < 0)
            return fail("cannot be read", errno);
        if (count == 0) {
            // The header has promised the size.
            if (!ended)
                complain(err_, "shrank while it was read and is filled up with zeroes", path_, 0);
            ended = true;
            std::memset(buffer_, 0, want);
            count = static_cast<ssize_t>(want);
        }
        if (!write(buffer_, static_cast<std::size_t>(count)))
            return false;
        left -= static_cast<std::uint64_t>(count);
    }
    return pad(size);
}

bool Packer::entry(int parent, const char* name, std::size_t path_size)
{
    const std::size_t name_size = std::strlen(name);
    if (path_size + name_size + 2 > sizeof path_)
        return fail("holds a name that is too long", 0);
    std::memcpy(path_ + path_size, name, name_size + 1);

    struct stat info { };

    if (::fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || fail("cannot be read", errno);
    if (S_ISLNK(info.st_mode))
        return link(parent, name, info, path_size + name_size);
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        complain(err_, "is left out: a socket, fifo or device", path_, 0);
        return true;
    }
    // O_NONBLOCK: what was a file a moment ago may be a fifo now.
    const int fd = ::openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fail("cannot be read", errno);
    bool done = ::fstat(fd, &info) == 0 || fail("cannot be read", errno);
    const Open* again = done && outside_ > 0 && S_ISDIR(info.st_mode) ? open_as(info) : nullptr;
    if (again != nullptr)
        done = link_to(info, root_, path_, again->path_size);
    else if (done && outside_ > 0 && is_kernels(fd))
        complain(err_, "is left out: it belongs to the kernel", path_, 0);
    else if (done)
        done = tree(fd, info, path_size + name_size);
    ::close(fd);
    return done;
}

/// What is open as `fd`, under the name that ends at `path_size`.
bool Packer::tree(int fd, const struct stat& info, std::size_t path_size)
{
    if (S_ISREG(info.st_mode))
        return contents(fd, info);
    if (!S_ISDIR(info.st_mode))
        return true;
    if (path_size + 2 > sizeof path_)
        return fail("holds a name that is too long", 0);
    path_[path_size] = '/';
    path_[path_size + 1] = '\0';
    return header(info, '5', 0, "") && directory(fd, path_size + 1);
}

bool Packer::directory(int fd, std::size_t path_size)
{
    struct stat info { };

    if (depth_ == kMaxDepth)
        return fail("is nested too deeply", 0);
    if (::fstat(fd, &info) != 0)
        return fail("cannot be read", errno);
    open_[depth_++] = {info.st_dev, info.st_ino, path_size};
    alignas(std::uint64_t) char names[8192];
    for (;;) {
        const long size = ::syscall(SYS_getdents64, fd, names, sizeof names);
        if (size < 0)
            return fail("cannot be read", errno);
        if (size == 0)
            break;
        for (long at = 0; at < size;) {
            const auto* item = reinterpret_cast<const dirent64*>(names + at);
            at += item->d_reclen;
            if (std::strcmp(item->d_name, ".") != 0 && std::strcmp(item->d_name, "..") != 0
                && !entry(fd, item->d_name, path_size))
                return false;
        }
    }
    --depth_;
    return true;
}

bool Packer::run(int root)
{
    if (!path_of(root, root_))
        return fail("/proc is not there, so links cannot be followed", errno);
    return directory(root, 0) && finish();
}

bool Packer::run_file(int file, const char* path)
{
    const char* slash = std::strrchr(path, '/');
    const char* name = slash != nullptr ? slash + 1 : path;

    struct stat info { };

    if (std::strlen(name) >= sizeof path_ || ::fstat(file, &info) != 0)
        return fail("cannot be read", errno);
    std::memcpy(path_, name, std::strlen(name) + 1);
    return contents(file, info) && finish();
}

bool pack_tar(int directory, int out, int err)
{
    alignas(Packer) static char place[sizeof(Packer)];
    return (new (place) Packer{out, err})->run(directory);
}

bool pack_file(int file, const char* path, int out, int err)
{
    alignas(Packer) static char place[sizeof(Packer)];
    return (new (place) Packer{out, err})->run_file(file, path);
}

} // namespace slipway::slot
