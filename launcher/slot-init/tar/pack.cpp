#include "launcher/slot-init/complain.h"
#include "launcher/slot-init/tar/format.h"
#include "launcher/slot-init/tar/tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace slipway::slot {

namespace {

/// One directory on its way into one archive. Hard links become files of their own.
class Packer {
public:
    Packer(int out, int err)
        : out_{out}
        , err_{err}
    {
    }

    bool run(int root) { return directory(root, 0) && finish(); }

private:
    static constexpr int kMaxDepth = 200;

    bool fail(const char* what, int error_number)
    {
        complain(err_, what, path_, error_number);
        return false;
    }

    bool directory(int fd, std::size_t path_size);
    bool entry(int parent, const char* name, std::size_t path_size);
    bool contents(int fd, const struct stat& info);
    bool header(const struct stat& info, char type, std::uint64_t size, const char* link);
    bool pax(const struct stat& info, std::uint64_t size, const char* link);
    bool block(const char* name, const char* link, const struct stat& info, char type, std::uint64_t size);
    bool write(const char* bytes, std::size_t size);
    bool pad(std::uint64_t size);
    bool finish();

    int out_;
    int err_;
    int depth_ = 0;
    char path_[kMaxPath] = "";
    char link_[kMaxPath] = "";
    char records_[3 * kMaxPath];
    char buffer_[64 * 1024];
};

constexpr char kZeroes[2 * kTarBlock] = {};

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

void octal(char* field, std::size_t width, std::uint64_t value)
{
    for (std::size_t i = width - 1; i-- > 0; value >>= 3)
        field[i] = static_cast<char>('0' + (value & 7));
}

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
    if (S_ISLNK(info.st_mode)) {
        const ssize_t size = ::readlinkat(parent, name, link_, sizeof link_ - 1);
        if (size < 0)
            return errno == ENOENT || fail("cannot be read", errno);
        link_[size] = '\0';
        return header(info, '2', 0, link_);
    }
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        complain(err_, "is left out: a socket, fifo or device", path_, 0);
        return true;
    }
    // O_NONBLOCK: what was a file a moment ago may be a fifo now.
    const int fd = ::openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fail("cannot be read", errno);
    bool done = ::fstat(fd, &info) == 0 || fail("cannot be read", errno);
    if (done && S_ISDIR(info.st_mode)) {
        path_[path_size + name_size] = '/';
        path_[path_size + name_size + 1] = '\0';
        done = header(info, '5', 0, "") && directory(fd, path_size + name_size + 1);
    } else if (done && S_ISREG(info.st_mode)) {
        done = contents(fd, info);
    }
    ::close(fd);
    return done;
}

bool Packer::directory(int fd, std::size_t path_size)
{
    if (++depth_ > kMaxDepth)
        return fail("is nested too deeply", 0);
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

} // namespace

bool pack_tar(int directory, int out, int err)
{
    alignas(Packer) static char place[sizeof(Packer)];
    return (new (place) Packer{out, err})->run(directory);
}

} // namespace slipway::slot
